"""The worker core under load, seen from the kernel."""
import os
import re
import signal
import struct
import time

import pytest

from bras import ACCESS_BRAS
from wait import wait_until

POLL = ('idle = "nap"', 'idle = "poll"')
OUR_MAC = bytes.fromhex("027063617000")  # what net_pcap gives its first port
HOST_MAC = bytes.fromhex("02000000bb01")
HOST = "10.77.0.99"
WATCH_S = 3


def address(text):
    return bytes(int(part) for part in text.split("."))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(ether_type, payload, destination=OUR_MAC):
    return (destination + HOST_MAC + struct.pack("!H", ether_type) + payload).ljust(60, b"\0")


def ipv4(protocol, payload):
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    header += address(HOST) + address(ACCESS_BRAS)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def echo_request(number):
    body = struct.pack("!BBHHH", 8, 0, 0, 7, number) + b"millrace" * 4
    return ethernet(0x0800, ipv4(1, body[:2] + struct.pack("!H", checksum(body)) + body[4:]))


def data_of_no_tunnel(number):
    l2tp = struct.pack("!HHHHH", 0x0002, 40000 + number, 7, 0xFF03, 0x0021) + b"\0" * 40
    return ethernet(0x0800, ipv4(17, struct.pack("!HHHH", 1701, 1701, 8 + len(l2tp), 0) + l2tp))


def arp_request():
    return ethernet(0x0806, struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + HOST_MAC + address(HOST) + bytes(6)
                    + address(ACCESS_BRAS), b"\xff" * 6)


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


def null_port(lab):
    """net_null hands out frames as fast as they are taken."""
    return "net_null0"


def pcap_port(lab):
    """net_pcap plays frames from memory for ever, and swallows what is sent: pings to us, and data of no tunnel."""
    path = os.path.join(lab.run_dir, "flood.pcap")
    write_pcap(path, [arp_request()] + [frame(n) for n in range(100) for frame in (echo_request, data_of_no_tunnel)])
    return f"net_pcap0,rx_pcap={path},infinite_rx=1"


def worker_thread(bras):
    """The kernel's id of the worker: DPDK names its threads."""
    tasks = f"/proc/{bras.pid}/task"
    for task in os.listdir(tasks):
        with open(f"{tasks}/{task}/comm") as file:
            if file.read().startswith("rte-worker"):
                return int(task)
    raise AssertionError(f"no worker thread in {tasks}")


def received(bras, port):
    return next(int(row["rx-packets"]) for row in bras.show("ports") if row["name"] == port)


def system_calls(lab, thread):
    """What strace counts in one thread for a while: {name: calls}."""
    strace = lab.processes.start("strace", ["strace", "-c", "-p", str(thread)])
    wait_until("strace attached", lambda: "attached" in strace.log)
    time.sleep(WATCH_S)
    strace.signal(signal.SIGINT)
    strace.wait(10)
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", strace.log, re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}


@pytest.mark.parametrize("port", [null_port, pcap_port])
def test_no_system_call_under_load(lab, start_bras, port):
    """A worker that has packets never enters the kernel."""
    bras = start_bras(ports=False, change=[POLL, ("net_tap0,iface=acc0,mac=fixed", port(lab)),
                                           ("net_tap1,iface=core0,mac=fixed", "net_null1")])
    assert system_calls(lab, bras.pid), "strace sees nothing, not even the control thread"
    before = received(bras, "p0")
    calls = system_calls(lab, worker_thread(bras))
    assert received(bras, "p0") > before + 1000 * WATCH_S, "the worker was not under load"
    assert calls == {}
