"""Two worker cores, a peer on each: every protocol works.

A tap learns on which queue a flow is answered and brings it there, so most packets are right from the start: that they get
to their core from any other is dp_place_test's to show."""
import pytest

from bras import processors
from certificate import Certificate
from core_host import CoreHost
from pptp_subscriber import PptpSubscriber
from sstp_subscriber import SstpSubscriber, slow_wire
from subscriber import Subscriber

# By their addresses and the BRAS's, alice is on the second core and bob on the first (dp/placement.h).
USERS = (("alice", "wonderland"), ("bob", "builder"))
STRAYED = ("GRE_CALL", "GRE_PEER", "L2TP_TUNNEL", "UDP_PORT", "HANDOVER_FULL", "SESSION_GONE")


@pytest.fixture
def start_two(start_bras):
    """A function that starts a daemon with two workers, one of them beside the control thread."""
    main, worker = processors()
    if main == worker:
        pytest.skip("one processor is not enough for two workers")

    def start(extra=""):
        return start_bras(extra=extra, change=[(f"workers = [ {worker} ];", f"workers = [ {worker}, {main} ];")])
    return start


@pytest.fixture
def online(lab):
    """A function that connects a subscriber of the class in each guest, both at once; stopped after the test."""
    made = []

    def connect(subscriber, **options):
        made.extend(subscriber(lab.guests[user], user=user, password=password, **options) for user, password in USERS)
        for one in made:
            one.dial()
        for one in made:
            one.up()
        return made

    yield connect
    for one in made:
        one.stop()


def sessions_by_core(bras):
    return [core["sessions"] for core in bras.show("statistics")["dataplane"]["cores"]]


def works_and_ends(bras, alice, bob):
    for one in (alice, bob):
        assert "5 received" in one.ping(CoreHost.address)
    assert "5 received" in alice.ping(bob.address)
    for reason in STRAYED:
        assert bras.dropped(reason) == 0, reason
    packets = {row["stage"]: row["packets"] for row in bras.show("stages")}
    print({stage: packets[stage] for stage in ("PLACE", "LOCAL", "HANDOVER", "DOWN")})
    assert packets["PLACE"], "nobody was placed"
    bras.cli("terminate all")
    alice.wait_ended()
    bob.wait_ended()
    bras.wait_everything_returned()
    assert sessions_by_core(bras) == [0, 0]


@pytest.mark.asan
def test_pptp(start_two, online):
    """Control connection and GRE of one peer meet on one core."""
    bras = start_two('pptp = { listen = [ "0.0.0.0" ]; ppp-options = { mppe = "require"; }; };')
    alice, bob = online(PptpSubscriber, mppe="require-mppe-128")
    assert sessions_by_core(bras) == [1, 1]
    works_and_ends(bras, alice, bob)


def test_l2tp(start_two, online):
    bras = start_two()
    alice, bob = online(Subscriber)
    assert sessions_by_core(bras) == [1, 1]
    works_and_ends(bras, alice, bob)


def test_sstp(start_two, online, lab):
    """A connection is where its addresses and ports put it; which of the cores that is, is chance."""
    keys = Certificate(lab.run_dir, "cores")
    bras = start_two(f'sstp = {{ listen = [ "0.0.0.0:443" ]; certificate = "{keys.certificate}"; private-key = "{keys.key}"; }};')
    guests = [lab.guests[user] for user, _ in USERS]
    for guest in guests:
        slow_wire(guest)
    try:
        alice, bob = online(SstpSubscriber, authentication="mschap-v2")
        assert sum(sessions_by_core(bras)) == 2
        works_and_ends(bras, alice, bob)
    finally:
        for guest in guests:
            slow_wire(guest, "")
