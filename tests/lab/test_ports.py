"""Ports of every kind that a machine without a NIC for DPDK can have."""
import os

import pytest

from bras import Bras
from network import CORE_BRAS
from wait import wait_until

ACCESS_TAP = "net_tap0,iface=acc0,mac=fixed"
CORE_TAP = "net_tap1,iface=core0,mac=fixed"


@pytest.fixture
def core_veth(lab):
    """A veth pair, one end of which is on the core bridge: the other is for the daemon."""
    lab.access.run("ip link add veth-bras type veth peer name veth-core")
    for name in ("veth-bras", "veth-core"):
        lab.access.run(f"ip link set {name} up")
    lab.access.run("ip link set veth-core master br-core")
    yield "veth-bras"
    lab.access.run("ip link delete veth-bras")


def port(bras, name):
    columns = "name,driver,link,rx-packets,tx-packets"
    return next(row for row in bras.show(f"ports {columns}") if row["name"] == name)


def test_af_packet_on_a_kernel_interface(lab, start_bras, core_veth):
    """A packet socket: the core host and the gateway's side find each other through it."""
    bras = start_bras(ports=False, change=[(CORE_TAP, f"net_af_packet0,iface={core_veth}")])
    assert "3 received" in lab.core_host.run(f"ping -n -c 3 -i 0.2 -W 2 {CORE_BRAS}")
    assert port(bras, "p1")["driver"] == "net_af_packet"
    assert int(port(bras, "p1")["rx-packets"]) >= 3 and int(port(bras, "p1")["tx-packets"]) >= 3


@pytest.mark.parametrize("driver, peer", [("net_memif", "net_memif"), ("net_virtio_user", "net_vhost")])
def test_shared_memory(lab, start_bras, driver, peer):
    """Two daemons on one machine with a port between them: it is up on both sides."""
    path = os.path.join(lab.run_dir, f"{driver}.sock")
    ends = {
        "net_memif": (f"role=server,socket={path},socket-abstract=no", f"role=client,socket={path},socket-abstract=no"),
        "net_virtio_user": (f"iface={path}", f"path={path}"),
    }[driver]
    first = start_bras(ports=False, change=[(ACCESS_TAP, "net_null0"), (CORE_TAP, f"{peer}1,{ends[0]}")])
    assert port(first, "p1")["driver"] == peer
    second = start_bras(ports=False, change=[(CORE_TAP, f"{driver}1,{ends[1]}")])
    assert port(second, "p1")["driver"] == driver
    for bras in (first, second):
        wait_until("the link between them", lambda bras=bras: port(bras, "p1")["link"] == "up")


def test_pci_device_that_is_not_there(lab):
    """The start fails, and says which port wants which device."""
    bras = Bras(lab, change=[(CORE_TAP, "0000:ff:1f.7")])
    process = bras.launch()
    assert process.wait(20) != 0
    assert any("port p1" in line and "0000:ff:1f.7" in line for line in process.log.splitlines()), process.log
    assert not os.path.exists(bras.socket)
