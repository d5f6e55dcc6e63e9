"""Calls that last: nothing that bounds a set-up, or takes silence for death, ends one that is up.

Longer than every such timer of the defaults: the minute of the worker's connections, of SSTP and of PPTP's Echo-Request."""
import pytest

from bras import GATEWAY
from certificate import Certificate
from pptp_subscriber import PptpSubscriber
from sstp_subscriber import SstpSubscriber, slow_wire

CALL_S = 75
BOB = '{ username = "bob"; password = "builder"; }'
CAROL = '{ username = "carol"; password = "hill"; }'
SECTIONS = """
pptp = {{ ppp-options = {{ mppe = "require"; }}; }};
sstp = {{ listen = [ "0.0.0.0:443" ]; certificate = "{0.certificate}"; private-key = "{0.key}"; }};
"""


@pytest.fixture
def calls(lab, start_bras, subscribe):
    """One of each kind."""
    alice, bob = lab.guests["alice"], lab.guests["bob"]
    bras = start_bras(extra=SECTIONS.format(Certificate(lab.run_dir)), change=[(BOB, BOB + "," + CAROL)])
    made = [PptpSubscriber(alice, mppe="require-mppe-128"), SstpSubscriber(bob, "bob", "builder"),
            subscribe("alice", user="carol", password="hill")]
    slow_wire(bob)
    yield bras, [one.connect() for one in made]
    for one in made:
        one.stop()
    slow_wire(bob, "")


def test_longer_than_every_set_up_timer(calls):
    bras, subscribers = calls
    ping = f"ping -n -c {CALL_S} -i 1 -W 2 -I {{}} {GATEWAY}"
    jobs = [one.guest.start(ping.format(one.interface)) for one in subscribers]
    for job in jobs:
        assert job.wait(CALL_S + 30) == 0
        assert f"{CALL_S} received" in job.output
    assert sorted(session["type"] for session in bras.sessions()) == ["l2tp", "pptp", "sstp"]
    for one in subscribers:
        one.hang_up()
    bras.wait_everything_returned()
