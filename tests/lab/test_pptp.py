"""PPTP with Debian's pptp-linux and pppd: authentication, MPPE, ends, data on a good and a bad wire, many and NAT."""
import os
import sys

import pytest

from core_host import CoreHost
from network import ACCESS_BRAS
from pptp_subscriber import REFERENCE_SETUP_S, PptpSubscriber
from wait import LabError, wait_until

MEGABYTE = 1000 * 1000
NAT = "10.77.0.254"
ALL = ("mschap-v2", "mschap", "chap", "pap")
REQUIRE = 'mppe = "require";'
DROPS = ("GRE_SHORT", "GRE_HEADER", "GRE_LENGTH", "GRE_PEER", "GRE_FULL", "MPPE_CLEAR", "MPPE_GAP", "MPPE_PROTOCOL")


def pptp(options='mppe = "prefer";', protocols=ALL, more=""):
    """The section that switches PPTP on."""
    names = ", ".join(f'"{p}"' for p in protocols)
    return (f'pptp = {{ host-name = "bras1"; authentication = {{ protocols = [ {names} ]; }};'
            f' ppp-options = {{ lcp-echo-interval = 30; {options} }}; {more} }};')


@pytest.fixture
def dial(lab):
    """A function that makes a PPTP subscriber in a guest; stopped after the test."""
    made = []

    def make(guest="alice", **options):
        one = PptpSubscriber(lab.guests[guest], **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()


def no_drops(bras):
    for reason in DROPS:
        assert bras.dropped(reason) == 0, reason


CASES = [
    ("v2 128", "mschap-v2", REQUIRE, "require-mppe-128", "MPPE128 stateless"),
    ("v1 128", "mschap", REQUIRE, "require-mppe-128", "MPPE128 stateless"),
    ("v2 40", "mschap-v2", REQUIRE + 'mppe-bits = [ "40" ];', "require-mppe-40\nnomppe-128", "MPPE40 stateless"),
    ("v2 stateful", "mschap-v2", REQUIRE + "mppe-stateful = true;", "require-mppe-128\nmppe-stateful", "MPPE128 stateful"),
    ("v2 none", "mschap-v2", 'mppe = "prefer";', "nomppe", None),
    ("v1 none", "mschap", 'mppe = "deny";', "nomppe", None),
    ("chap", "chap", 'mppe = "prefer";', "nomppe", None),
    ("pap", "pap", 'mppe = "prefer";', "nomppe", None),
]


@pytest.mark.parametrize("method, ours, theirs, shown", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_dial_in(start_bras, dial, method, ours, theirs, shown):
    """The session comes up as agreed, carries pings of all sizes, and ends in order."""
    bras = start_bras(extra=pptp(ours))
    alice = dial(authentication=method, mppe=theirs).connect()
    row = bras.session_of("alice")
    assert row["type"] == "pptp"
    shows = bras.show(f"session {row['ifname']}")
    assert (shows["encoding"] or None) == shown
    assert "5 received" in alice.ping(CoreHost.address)
    assert "3 received" in alice.ping(CoreHost.address, count=3, options="-s 1300")
    no_drops(bras)
    alice.hang_up()
    bras.wait_log("peer terminated the link|peer cleared the call")
    bras.wait_everything_returned()


def test_no_timer_fires(start_bras, dial, measured):
    """CCP goes first, so nothing is sent twice by either side."""
    bras = start_bras(extra=pptp(REQUIRE))
    alice = dial(mppe="require-mppe-128").connect()
    sent = [line for line in alice.ppp_log.splitlines() if line.startswith("sent [") and "ConfReq" in line]
    assert len(sent) == len(set(sent)), "\n".join(sent)
    assert bras.show("statistics")["ppp"]["retransmits"] == 0
    measured(f"{bras.wait_log(r'started ip=')}; the reference: {REFERENCE_SETUP_S} s")


def test_wrong_password(start_bras, dial):
    bras = start_bras(extra=pptp(REQUIRE))
    alice = dial(password="looking-glass", mppe="require-mppe-128").dial()
    alice.wait_ppp("E=691")
    assert alice.wait_ended() != 0
    bras.wait_log("authentication failed")
    bras.wait_everything_returned()


@pytest.mark.asan
def test_required_and_the_client_has_none(start_bras, dial):
    bras = start_bras(extra=pptp(REQUIRE))
    alice = dial(mppe="nomppe").dial()
    bras.wait_log("MPPE required, not negotiated")
    alice.wait_ended()
    assert alice.address is None
    bras.wait_everything_returned()


def test_client_requires_and_we_deny(start_bras, dial):
    bras = start_bras(extra=pptp('mppe = "deny";'))
    alice = dial(mppe="require-mppe-128").dial()
    alice.wait_ppp("MPPE required but peer")
    alice.wait_ended()
    bras.wait_everything_returned()


def test_operator_ends_it(start_bras, dial):
    bras = start_bras(extra=pptp())
    alice = dial().connect()
    bras.cli("terminate username alice")
    alice.wait_ended()
    bras.wait_everything_returned()


def test_operator_ends_the_control_connection(start_bras, dial):
    """`show tunnels` has it, `terminate tunnel` ends it, and the client leaves."""
    bras = start_bras(extra=pptp())
    alice = dial().connect()
    tunnel, = [row for row in bras.show("tunnels") if row["protocol"] == "pptp"]
    assert tunnel["name"] == "bras1" and tunnel["peer-name"] == "local" and tunnel["state"] == "established"
    assert tunnel["address"] == bras.session_of("alice")["calling-sid"] and tunnel["port"] and tunnel["sessions"] == 1
    bras.cli(f"terminate tunnel {tunnel['id']}")
    alice.wait_ended()
    bras.wait_log(rf"pptp tunnel {tunnel['id']}: ended: terminated by the operator")
    assert not bras.show("tunnels")
    bras.wait_everything_returned()


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("mppe", ["require-mppe-128", "nomppe"])
def test_32_megabytes(start_bras, lab, dial, direction, mppe, measured):
    """Whole and unchanged: equal SHA-256 at both ends."""
    start_bras(extra=pptp())
    alice = dial(mppe=mppe).connect()
    measured(alice.guest.run(lab.core_host.transfer_command(direction, 32 * MEGABYTE), timeout_s=240).strip())


@pytest.mark.parametrize("mode", ["", "mppe-stateful = true;"], ids=["stateless", "stateful"])
def test_bad_wire(start_bras, lab, dial, mode, measured):
    """Whole through a wire that loses 1 % and puts 3 % out of order, up and down."""
    bras = start_bras(extra=pptp(REQUIRE + mode))
    alice = dial(mppe="require-mppe-128" + ("\nmppe-stateful" if mode else "")).connect()
    alice.guest.run("tc qdisc add dev vec0 root netem delay 2ms loss 1% reorder 97%")
    try:
        for direction in ("up", "down"):
            measured(alice.guest.run(lab.core_host.transfer_command(direction, 4 * MEGABYTE), timeout_s=240).strip())
    finally:
        alice.guest.run("tc qdisc del dev vec0 root")
    assert "5 received" in alice.ping(CoreHost.address)
    assert bras.sessions()


@pytest.mark.asan
def test_disorder_during_set_up(start_bras, dial):
    """Packets overtake each other while the session comes up; control frames that come late count."""
    bras = start_bras(extra=pptp(REQUIRE))
    alice = dial(mppe="require-mppe-128")
    alice.guest.run("tc qdisc add dev vec0 root netem delay 20ms reorder 50%")
    try:
        alice.connect()
        assert "5 received" in alice.ping(CoreHost.address)
    finally:
        alice.guest.run("tc qdisc del dev vec0 root")
    assert bras.sessions()


@pytest.mark.asan
def test_reset_request_after_heavy_loss(start_bras, dial):
    """Most is lost for a while; pppd asks for a reset, gets it, and the session goes on."""
    bras = start_bras(extra=pptp(REQUIRE + "mppe-stateful = true;"))
    alice = dial(mppe="require-mppe-128\nmppe-stateful").connect()
    alice.guest.run("tc qdisc add dev vec0 root netem loss 60%")
    try:
        alice.ping(CoreHost.address, count=30, options="-s 1000", check=False)
    finally:
        alice.guest.run("tc qdisc del dev vec0 root")
    alice.ping(CoreHost.address, check=False)
    assert "5 received" in alice.ping(CoreHost.address)
    assert "Reset" in alice.ppp_log
    assert bras.sessions()


@pytest.fixture
def nat(lab):
    """A NAT beside the guests that understands PPTP; its address."""
    lab.access.run(f"ip addr add {NAT}/24 dev br-acc")
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pptp_nat.py")
    process = lab.processes.start("pptp-nat", lab.access.argv([sys.executable, "-B", program, NAT, ACCESS_BRAS]))
    wait_until("the NAT", lambda: "ready" in process.log)
    yield NAT
    process.kill()
    lab.access.run(f"ip addr del {NAT}/24 dev br-acc")


def test_two_behind_one_nat(start_bras, dial, nat):
    """Two guests from one address: two control connections, calls that are told apart by our call ids."""
    bras = start_bras(extra=pptp(REQUIRE))
    alice = dial("alice", mppe="require-mppe-128", server=nat).connect()
    bob = dial("bob", user="bob", password="builder", mppe="require-mppe-128", server=nat).connect()
    rows = bras.sessions()
    assert {row["calling-sid"] for row in rows} == {nat} and len(rows) == 2
    assert "5 received" in alice.ping(CoreHost.address)
    assert "5 received" in bob.ping(CoreHost.address)
    assert "5 received" in alice.ping(bob.address)
    alice.hang_up()
    assert "5 received" in bob.ping(CoreHost.address)


def once_more(one):
    """pppd says what it has to say in thirty seconds, and pptp may need longer for its call where fifty share a processor;
    whoever dials in dials again."""
    try:
        one.up(45)
    except LabError:
        if one.interface:
            one.stop()
        one.dial().up(60)


def test_fifty_calls(start_bras, lab, dial, measured):
    """Fifty from one guest, an address each; all up at the same time, all gone.

    They dial a few at a time: pptp gives its own call manager three seconds, which fifty on one processor may exceed."""
    count, together = 50, 5
    bras = start_bras(extra=pptp(REQUIRE, more="timeout = 30;") + 'single-session = "off";')
    guest = lab.guests["alice"]
    guest.run("chmod -x /etc/ppp/ip-up /etc/ppp/ip-down 2>/dev/null; for n in $(seq 1 50); do "
              "ip addr add 10.77.0.$((100 + n))/32 dev vec0; done")
    try:
        calls = [dial(mppe="require-mppe-128\nnodefaultroute", local=f"10.77.0.{100 + n}") for n in range(1, count + 1)]
        for first in range(0, count, together):
            few = [one.dial() for one in calls[first:first + together]]
            for one in few:
                once_more(one)
        bras.wait_sessions(count, 60)
        measured(f"{count} calls up")
        bras.cli("terminate all")
        for one in calls:
            one.wait_ended(60)
        bras.wait_everything_returned()
    finally:
        guest.run("for n in $(seq 1 50); do ip addr del 10.77.0.$((100 + n))/32 dev vec0; done")


@pytest.mark.asan
def test_control_connection_is_cut(start_bras, dial):
    """The client is killed without a word: its TCP connection ends, and so does the session."""
    bras = start_bras(extra=pptp())
    alice = dial().connect()
    alice.guest.run("for p in $(pidof pptp) $(pidof pppd); do kill -KILL $p; done")
    bras.wait_everything_returned(timeout_s=60)
