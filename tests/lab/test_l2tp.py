"""L2TP beyond one tunnel: many sessions, NAT, secrets, what the operator's keys do to a real client."""
import os
import signal
import sys

import pytest

from bras import GATEWAY
from many import Many
from network import ACCESS_BRAS
from wait import wait_until

NAT = "10.77.0.254"
MANY = 50
ANYBODY = 'single-session = "off";'
SECRETS = 'secret = "everybody"; peer = ( { address = "10.77.0.11/32"; secret = "of alice"; } );'


@pytest.fixture
def nat(lab):
    """A NAT beside the guests; its forget() gives every client another port."""
    lab.access.run(f"ip addr add {NAT}/24 dev br-acc")
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nat.py")
    process = lab.processes.start("nat", lab.access.argv([sys.executable, "-B", program, NAT, ACCESS_BRAS, "1701"]))
    wait_until("the NAT", lambda: "ready" in process.log)
    yield process
    process.kill()
    lab.access.run(f"ip addr del {NAT}/24 dev br-acc")


def test_fifty_sessions_from_one_guest(lab, start_bras):
    """Fifty tunnels with a session in each; all up at once, all gone at once."""
    bras = start_bras(extra=ANYBODY, log_level="info")
    guest = lab.boot_guest("many", 13, memory="256M").booted()
    many = Many(guest, MANY).dial()
    try:
        def active():
            return sum(row["state"] == "active" for row in bras.sessions())
        wait_until(f"{MANY} active sessions", lambda: active() == MANY, 300)
        rows = bras.sessions()
        assert len({row["ip"] for row in rows}) == MANY
        assert {row["ifname"] for row in rows} == {f"l2tp{n}" for n in range(MANY)}
        tunnels = bras.show("tunnels")
        assert len(tunnels) == MANY
        assert len({tunnel["port"] for tunnel in tunnels}) == MANY
        many.hang_up()
        bras.wait_everything_returned(60)
    finally:
        many.hang_up()
        guest.power_off()
        del lab.guests["many"]


def test_two_guests_with_one_address_and_port(bras, subscribe, nat):
    """Both speak from port 1701, and behind the NAT from one address."""
    alice = subscribe("alice", port=1701, lns=NAT).connect()
    bob = subscribe("bob", user="bob", password="builder", port=1701, lns=NAT).connect()
    tunnels = bras.show("tunnels")
    assert {tunnel["address"] for tunnel in tunnels} == {NAT}
    assert len({tunnel["port"] for tunnel in tunnels}) == 2
    for subscriber in (alice, bob):
        assert " 0% packet loss" in subscriber.ping(GATEWAY, count=3)
    bob.hang_up()
    bras.wait_log("l2tp1:bob: ended: peer terminated the link")
    assert " 0% packet loss" in alice.ping(GATEWAY, count=3)


@pytest.mark.long  # xl2tpd says Hello once a minute
def test_nat_gives_another_port(bras, subscribe, nat):
    """The NAT forgets the subscriber.  Data from the new port is dropped and counted until the client's Hello, which
    comes within a minute, has moved the tunnel."""
    alice = subscribe("alice", lns=NAT).connect()
    former = bras.show("tunnels")[0]["port"]
    assert bras.dropped("L2TP_PEER") == 0
    nat.signal(signal.SIGUSR1)
    assert " 100% packet loss" in alice.ping(GATEWAY, count=2, check=False)
    assert bras.dropped("L2TP_PEER") >= 2
    bras.wait_log("l2tp tunnel [0-9]+: moved", 90)
    assert bras.show("tunnels")[0]["port"] != former
    assert " 0% packet loss" in alice.ping(GATEWAY, count=3)
    alice.hang_up()
    bras.wait_log("peer terminated the link")
    bras.wait_everything_returned()


def test_a_secret_of_alice(start_bras, subscribe):
    bras = start_bras(change=[('secret = "";', SECRETS)])
    subscribe("alice", tunnel_secret="of alice").connect()
    wrong = subscribe("bob", user="bob", password="builder", tunnel_secret="of alice").dial()
    bras.wait_log("tunnel authentication failed|peer closed the tunnel")
    wrong.stop()
    subscribe("bob", user="bob", password="builder", tunnel_secret="everybody").connect()
    assert len(bras.show("tunnels")) == 2


def test_only_known_peers(start_bras, subscribe):
    bras = start_bras(change=[('secret = "";', 'only-known-peers = true; peer = ( { address = "10.77.0.11/32"; } );')])
    subscribe("alice").connect()
    stranger = subscribe("bob", user="bob", password="builder").dial()
    stranger.wait_l2tp("tunnel peer is not known")
    assert len(bras.show("tunnels")) == 1


def test_maintenance(bras, subscribe):
    """Who is in stays; a newcomer is told to try another server (RFC 2661 4.4.2, Error 7)."""
    alice = subscribe("alice").connect()
    assert "1" in bras.cli("maintenance on").stdout
    bob = subscribe("bob", user="bob", password="builder").dial()
    bob.wait_l2tp("server is in maintenance")
    bob.stop()
    assert not bras.show("statistics")["accepting-calls"]
    assert " 0% packet loss" in alice.ping(GATEWAY, count=2)
    bras.cli("maintenance off")
    subscribe("bob", user="bob", password="builder").connect()


def test_hidden_avps(start_bras, subscribe):
    """xl2tpd reads what we hide, for the session comes up.  (Told to hide, it sends Random Vectors and hides nothing.)"""
    hiding = ('host-name = "bras1";', 'host-name = "bras1"; hide-avps = true;')
    bras = start_bras(tunnel_secret="wholesale", change=[hiding])
    subscribe("alice", tunnel_secret="wholesale", hidden=True).connect()
    assert bras.session_of("alice")["calling-sid"] == "10.77.0.11"
    bras.wait_log("recv .L2TP .* ICRQ <Random-Vector ")
    bras.wait_log("send .L2TP .* ICRP <Random-Vector .*<Assigned-Session-Id hidden")


@pytest.mark.parametrize("userspace", [False, True])
def test_sequenced_data(start_bras, subscribe, access_wire, userspace):
    """RFC 2661 5.4: the LNS begins to number data, and the LAC does so too; xl2tpd in user space never does."""
    bras = start_bras(change=[('host-name = "bras1";', 'host-name = "bras1"; dataseq = "prefer";')])
    alice = subscribe("alice", userspace=userspace).connect()
    assert " 0% packet loss" in alice.ping(GATEWAY, count=5)
    access_wire.wait_for("l2tp:[S]", f"udp src port 1701 and src host {ACCESS_BRAS}")
    if not userspace:
        access_wire.wait_for("[S]", "udp and src host 10.77.0.11")
    assert bras.dropped("L2TP_ORDER") == 0


def test_a_port_of_the_tunnels_own(start_bras, subscribe):
    """xl2tpd is offered a port of the tunnel's own, stays with 1701, and is served there."""
    bras = start_bras(change=[('host-name = "bras1";', 'host-name = "bras1"; use-ephemeral-ports = true;')])
    alice = subscribe("alice").connect()
    assert " 0% packet loss" in alice.ping(GATEWAY, count=3)
