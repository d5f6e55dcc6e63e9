"""What nmap sees of our TCP, without ports, guest or daemon: tests/tcp/wire_test.c serves it on a tun device."""
import os
import re
import shutil
import subprocess

import pytest

from bras import BUILD
from wait import wait_until

SERVER = os.path.join(BUILD, "tests/tcp/tcp_wire_test")


@pytest.fixture
def server():
    if not shutil.which("nmap") or not os.path.exists(SERVER):
        pytest.skip("nmap or tcp_wire_test is missing")
    process = subprocess.Popen([SERVER, "--serve", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def inside(process, words):
    return subprocess.run(["nsenter", "-n", "-t", str(process.pid), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=50, check=False).stdout


def test_numbers_are_not_to_be_guessed(server):
    wait_until("the tun device is up", lambda: "10.9.0.1" in inside(server, ["ip", "-4", "addr", "show", "tun0"]))
    seen = inside(server, ["nmap", "-n", "-Pn", "-O", "-v", "-p", "7,8", "10.9.0.2"])
    assert re.search(r"^7/tcp +open", seen, re.MULTILINE), seen
    assert re.search(r"^8/tcp +closed", seen, re.MULTILINE), seen
    difficulty = re.search(r"TCP Sequence Prediction: Difficulty=(\d+)", seen)
    assert difficulty and int(difficulty.group(1)) > 200, seen
    assert "IP ID Sequence Generation: All zeros" in seen, seen
