"""What a subscriber's packets meet on their way."""
import pytest

from bras import GATEWAY
from core_host import CoreHost
from network import ACCESS_BRAS

MEGABYTE = 1000 * 1000
NOT_LENT = "10.78.1.200"
FOREIGN = "203.0.113.66"


def settle(subscriber, wire):
    """A ping through, seen on the wire: what was sent before it has been captured by now."""
    before = len(wire.packets("icmp[icmptype] = icmp-echo"))
    subscriber.ping(CoreHost.address, count=1)
    wire.wait_for_count(before + 1, "icmp[icmptype] = icmp-echo")


@pytest.mark.parametrize("direction", ["up", "down"])
def test_100_megabytes_by_tcp(bras, lab, subscribe, direction, measured):
    """Whole and unchanged: equal SHA-256 at both ends."""
    alice = subscribe().connect()
    measured(alice.guest.run(lab.core_host.transfer_command(direction, 100 * MEGABYTE), timeout_s=180).strip())


@pytest.mark.asan
@pytest.mark.parametrize("direction", ["up", "down"])
def test_5_megabytes_by_tcp_userspace(bras, lab, subscribe, direction, measured):
    alice = subscribe(userspace=True).connect()
    measured(alice.guest.run(lab.core_host.transfer_command(direction, 5 * MEGABYTE), timeout_s=180).strip())


@pytest.mark.asan
def test_two_subscribers_reach_each_other(bras, subscribe, core_wire):
    """The hairpin: through the BRAS and not over the core wire."""
    alice = subscribe("alice").connect()
    bob = subscribe("bob", user="bob", password="builder").connect()
    assert "5 received" in alice.ping(bob.address)
    assert "5 received" in bob.ping(alice.address)
    settle(alice, core_wire)
    assert core_wire.packets(f"host {bob.address}") == []


def test_address_not_lent_from_a_subscriber(bras, subscribe, access_wire, core_wire):
    """One ICMP unreachable from the gateway, and nothing on the core wire."""
    alice = subscribe().connect()
    output = alice.ping(NOT_LENT, count=1, check=False)
    assert "Unreachable" in output and "+1 errors" in output
    settle(alice, core_wire)
    assert core_wire.packets(f"host {NOT_LENT}") == []
    answers = [p for p in access_wire.packets("udp port 1701", verbose=True) if "unreachable" in p and NOT_LENT in p]
    assert len(answers) == 1
    assert f"{GATEWAY} > {alice.address}" in answers[0]


def test_address_not_lent_from_the_core(bras, lab, core_wire):
    """One ICMP unreachable for one packet, which does not bounce between us and the core router."""
    result = lab.core_host.run(f"ping -n -c 1 -W 2 {NOT_LENT}", check=False)
    assert "Unreachable" in result and "+1 errors" in result
    lab.core_host.run(f"ping -n -c 1 -W 2 {GATEWAY}")
    core_wire.wait_for_count(1, f"icmp[icmptype] = icmp-echoreply and src host {GATEWAY}")
    assert len(core_wire.packets(f"icmp[icmptype] = icmp-echo and dst host {NOT_LENT}")) == 1
    assert len(core_wire.packets("icmp[icmptype] = icmp-unreach")) == 1


def test_spoofed_source(bras, subscribe, core_wire):
    """RFC 2827: dropped, counted, and never on the core wire."""
    alice = subscribe().connect()
    before = bras.dropped("SPOOFED")
    alice.guest.run(f"ip addr replace {FOREIGN}/32 dev lo")
    alice.ping(CoreHost.address, count=3, options=f"-I {FOREIGN}", check=False)
    settle(alice, core_wire)
    assert bras.dropped("SPOOFED") - before == 3
    assert core_wire.packets(f"host {FOREIGN}") == []


def test_core_host_reaches_the_subscriber(bras, lab, subscribe):
    alice = subscribe().connect()
    assert "5 received" in lab.core_host.run(f"ping -n -c 5 -l 5 -i 1 -W 2 {alice.address}")


def test_gateway_answers_the_core(bras, lab):
    for address in (GATEWAY, "192.0.2.1"):
        assert "3 received" in lab.core_host.run(f"ping -n -c 3 -l 3 -i 1 -W 2 {address}")


def test_access_address_answers_outside_of_tunnels(bras, subscribe):
    assert "3 received" in subscribe().guest.run(f"ping -n -c 3 -i 0.2 -W 2 {ACCESS_BRAS}")


def test_time_to_live(bras, subscribe):
    """RFC 1812 5.3.1: the gateway is the first hop that a traceroute shows."""
    alice = subscribe().connect()
    assert f"From {GATEWAY} icmp_seq=1 Time to live exceeded" in alice.ping(CoreHost.address, count=1, options="-t 1",
                                                                          check=False)


@pytest.mark.asan
def test_largest_packet(bras, subscribe):
    """As large as the negotiated MRU of 1400 octets, and larger in fragments, both ways."""
    alice = subscribe().connect()
    assert "3 received" in alice.ping(CoreHost.address, count=3, options="-s 1372 -M do")
    assert "3 received" in alice.ping(CoreHost.address, count=3, options="-s 3000")


@pytest.mark.asan
def test_packet_larger_than_the_mru(bras, lab, subscribe):
    """RFC 1191 4: refused with the size that fits when it must not be fragmented, else fragmented."""
    alice = subscribe().connect()
    command = f"ping -n -c 1 -W 2 -s 1472 {alice.address} -M"
    assert "Frag needed and DF set (mtu = 1400)" in lab.core_host.run(f"{command} do", check=False)
    assert "1 received" in lab.core_host.run(f"{command} dont")
    lab.core_host.run("ip route flush cache")
