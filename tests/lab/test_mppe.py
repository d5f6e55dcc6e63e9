"""MPPE with Debian's pppd over L2TP: strengths, modes, keys, policies that meet, data that stays whole."""
import re

import pytest

from core_host import CoreHost

MEGABYTE = 1000 * 1000


def ppp(text):
    """A change to the daemon's ppp-options."""
    return [("ppp-options = {", f"ppp-options = {{ {text}")]


REQUIRE = 'mppe = "require";'
MS_CHAP = ("mschap-v2", "mschap")

# What the operator says, what the client says, how the client authenticates, what both end up with.
AGREED = [
    ("128", REQUIRE, "require-mppe-128", "mschap-v2", "128-bit stateless", "MPPE128 stateless"),
    ("128 with version 1", REQUIRE, "require-mppe-128", "mschap", "128-bit stateless", "MPPE128 stateless"),
    ("either, the longer", REQUIRE + 'mppe-bits = [ "40", "128" ];', "require-mppe", "mschap-v2", "128-bit stateless",
     "MPPE128 stateless"),
    ("40", REQUIRE + 'mppe-bits = [ "40", "128" ];', "require-mppe-40 nomppe-128", "mschap-v2", "40-bit stateless",
     "MPPE40 stateless"),
    ("40 only", REQUIRE + 'mppe-bits = [ "40" ];', "require-mppe-40 nomppe-128", "mschap-v2", "40-bit stateless",
     "MPPE40 stateless"),
    ("stateful", REQUIRE + "mppe-stateful = true;", "require-mppe-128 mppe-stateful", "mschap-v2", "128-bit stateful",
     "MPPE128 stateful"),
    ("preferred", 'mppe = "prefer";', "require-mppe-128", "mschap-v2", "128-bit stateless", "MPPE128 stateless"),
    ("allowed", 'mppe = "allow";', "require-mppe-128", "mschap-v2", "128-bit stateless", "MPPE128 stateless"),
]


@pytest.mark.parametrize("ours, theirs, method, logged, shown", [row[1:] for row in AGREED], ids=[r[0] for r in AGREED])
def test_agreed(start_bras, subscribe, ours, theirs, method, logged, shown):
    """Both sides encrypt, nothing was dropped, and pings come back."""
    bras = start_bras(protocols=MS_CHAP, change=ppp(ours))
    alice = subscribe(authentication=method, ppp_options=theirs.replace(" ", "\n")).connect()
    assert f"MPPE {logged} compression enabled" in alice.ppp_log
    assert bras.show(f"session {bras.session_of('alice')['ifname']}")["encoding"] == shown
    assert "5 received" in alice.ping(CoreHost.address)
    assert "3 received" in alice.ping(CoreHost.address, count=3, options="-s 1300")
    for reason in ("MPPE_CLEAR", "MPPE_NO_KEY", "MPPE_GAP", "MPPE_PROTOCOL"):
        assert bras.dropped(reason) == 0, reason


def test_no_timer_fires(start_bras, subscribe, measured):
    """CCP goes first, so that pppd's and our network protocols are answered at once: none of their requests is sent twice."""
    bras = start_bras(protocols=MS_CHAP, change=ppp(REQUIRE))
    alice = subscribe(ppp_options="require-mppe-128").connect()
    for log in (alice.ppp_log, bras.log):
        sent = re.findall(r"sen[dt] \[((?:CCP|IPCP|IPV6CP) Conf.*)", log)
        assert len(sent) > 3 and len(sent) == len(set(sent)), "\n".join(sent)
    measured(bras.wait_log(r"started ip="))


@pytest.mark.asan
def test_encrypted_on_the_wire(start_bras, lab, subscribe, access_wire):
    """No ping can be read between the client and the BRAS."""
    start_bras(protocols=MS_CHAP, change=ppp(REQUIRE))
    alice = subscribe(ppp_options="require-mppe-128").connect()
    assert "5 received" in alice.ping(CoreHost.address)
    frames = access_wire.packets("udp port 1701", verbose=True)
    assert frames and not [f for f in frames if "ICMP echo" in f or CoreHost.address in f]


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("mode", ["", "mppe-stateful = true;"], ids=["stateless", "stateful"])
def test_32_megabytes(start_bras, lab, subscribe, direction, mode, measured):
    """Whole and unchanged: equal SHA-256 at both ends."""
    start_bras(protocols=MS_CHAP, change=ppp(REQUIRE + mode))
    alice = subscribe(ppp_options="require-mppe-128" + ("\nmppe-stateful" if mode else "")).connect()
    measured(alice.guest.run(lab.core_host.transfer_command(direction, 32 * MEGABYTE), timeout_s=180).strip())


@pytest.mark.asan
@pytest.mark.parametrize("mode, wire, megabytes", [("", "loss 1% reorder 97%", 4), ("mppe-stateful = true;", "loss 1%", 1)],
                         ids=["stateless", "stateful"])
def test_losses(start_bras, lab, subscribe, mode, wire, megabytes, measured):
    """Whole through a bad wire; a stateful stream starts anew after each loss (L2TP here does not put it in order)."""
    bras = start_bras(protocols=MS_CHAP, change=ppp(REQUIRE + mode))
    alice = subscribe(ppp_options="require-mppe-128" + ("\nmppe-stateful" if mode else "")).connect()
    alice.guest.run(f"tc qdisc add dev vec0 root netem delay 2ms {wire}")
    try:
        for direction in ("up", "down"):
            measured(alice.guest.run(lab.core_host.transfer_command(direction, megabytes * MEGABYTE), timeout_s=180).strip())
    finally:
        alice.guest.run("tc qdisc del dev vec0 root")
    assert "5 received" in alice.ping(CoreHost.address)
    assert bras.sessions()


@pytest.mark.asan
def test_required_and_the_client_has_none(start_bras, subscribe):
    bras = start_bras(protocols=MS_CHAP, change=ppp(REQUIRE))
    alice = subscribe(ppp_options="nomppe").dial()
    bras.wait_log("MPPE required, not negotiated")
    alice.wait_ended()
    assert alice.address is None
    bras.wait_everything_returned()


def test_client_requires_and_we_deny(start_bras, subscribe):
    bras = start_bras(protocols=MS_CHAP, change=ppp('mppe = "deny";'))
    alice = subscribe(ppp_options="require-mppe-128").dial()
    alice.wait_ppp("MPPE required but peer")
    alice.wait_ended()
    assert "ProtoRej" in bras.wait_log("ProtoRej")
    bras.wait_everything_returned()


def test_preferred_and_the_client_has_none(start_bras, subscribe):
    """The session comes up in clear text."""
    bras = start_bras(protocols=MS_CHAP, change=ppp('mppe = "prefer";'))
    alice = subscribe(ppp_options="nomppe").connect()
    assert "5 received" in alice.ping(CoreHost.address)
    assert not bras.show(f"session {bras.session_of('alice')['ifname']}")["encoding"]


def test_required_of_one_user(start_bras, subscribe):
    """The user's own entry goes before the protocol's keys; a method without keys cannot meet it."""
    change = [('password = "wonderland";', 'password = "wonderland"; mppe = "require";')] + ppp('mppe = "deny";')
    bras = start_bras(protocols=("mschap-v2", "chap"), change=change)
    alice = subscribe("alice", ppp_options="require-mppe-128").connect()
    assert "MPPE 128-bit stateless compression enabled" in alice.ppp_log
    bob = subscribe("bob", user="bob", password="builder").connect()
    assert "MPPE" not in bob.ppp_log
    alice.hang_up()
    again = subscribe("alice", authentication="chap").dial()
    bras.wait_log("MPPE required|keying material missing")
    again.wait_ended()
