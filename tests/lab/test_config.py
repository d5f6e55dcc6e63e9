"""Configurations: a bad one names file, line and key, and nothing is started."""
import math
import os
import re

import pytest

from bras import Bras, config, missing

BAD = {
    "unknown key": ('default-pool = "home";', 'default-pool = "home"; colour = "blue";', "colour"),
    "wrong type": ("lcp-echo-interval = 30", 'lcp-echo-interval = "often"', "lcp-echo-interval"),
    "out of range": ("lcp-echo-failure = 3", "lcp-echo-failure = -3", "lcp-echo-failure"),
    "overlapping pools": ('range = [ "10.78.1.0/24" ]; }',
                          'range = [ "10.78.1.0/24" ]; }, { name = "b"; range = [ "10.78.1.128/25" ]; }', "range"),
    "missing port": ('name = "core"; port = "p1"', 'name = "core"; port = "p9"', "port"),
    "missing interface": ("net_tap1,iface=core0,mac=fixed", "net_af_packet1,iface=nowhere0", "device"),
    "missing pool": ('default-pool = "home"', 'default-pool = "away"', "default-pool"),
    "bad address": ('gateway-address = "10.78.0.1"', 'gateway-address = "10.78.0.256"', "gateway-address"),
    "syntax": ('default-pool = "home";', 'default-pool = = "home";', ""),
}


@pytest.fixture
def bras(lab):
    """A daemon that is not started yet."""
    why = missing()
    if why:
        pytest.skip(why)
    made = Bras(lab)
    yield made
    made.kill()


@pytest.mark.parametrize("name", BAD)
def test_bad_configuration(bras, lab, name):
    good, bad, key = BAD[name]
    text = config(bras.socket, change=[(good, bad)])
    line = 1 + text[:text.index(bad)].count("\n")
    bras.write_config(text)
    process = bras.launch()
    assert process.wait(20) != 0
    blamed = [output for output in process.log.splitlines() if f"{bras.config_path}:{line}" in output
              or f"millrace.conf:{line}" in output]
    assert blamed, f"no line names the file and line {line}:\n{process.log}"
    assert key in blamed[0]
    assert not os.path.exists(bras.socket)
    assert "core0" not in lab.access.run("ip -brief link")


def test_check_only(bras):
    """-t says what a good file needs, and starts nothing."""
    process = bras.launch("-t")
    assert process.wait(20) == 0
    assert "MiB" in process.log
    assert process.log.endswith(f"{bras.config_path}: good\n")
    assert not os.path.exists(bras.socket)


def test_memory_that_check_only_asks_for(bras):
    """What -t says is enough, the daemon starts with; less is refused by both."""
    process = bras.launch("-t")
    assert process.wait(20) == 0
    need = float(re.search(r"^ +all +([\d.]+) MiB", process.log, re.MULTILINE)[1])
    for memory, enough in ((math.ceil(need), True), (math.floor(need) - 1, False)):
        bras.write_config(config(bras.socket, change=[("memory = 384", f"memory = {memory}")]))
        assert (bras.launch("-t").wait(20) == 0) == enough
        if enough:
            bras.start(ports=False)
            bras.stop()
        else:
            assert bras.launch().wait(20) == 1


def test_check_only_finds_bad(bras):
    bras.write_config(config(bras.socket, change=[("default-pool", "defualt-pool")]))
    process = bras.launch("-t")
    assert process.wait(20) != 0
    assert "defualt-pool" in process.log


def test_no_such_file(bras):
    os.unlink(bras.config_path)
    process = bras.launch()
    assert process.wait(20) != 0
    assert "millrace.conf" in process.log and "No such file" in process.log


def test_section_of_a_later_release(bras):
    """Checked whole, reported once, ignored."""
    bras.write_config(config(bras.socket, extra='shaper = { latency = 20; };'))
    process = bras.launch("-t")
    assert process.wait(20) == 0
    assert process.log.count("not in this release") == 1
