"""What a RADIUS server says of time and of the number of sessions, whatever the tunnel."""
import pytest

import radius
from certificate import Certificate
from core_host import CoreHost
from pptp_subscriber import PptpSubscriber
from sstp_subscriber import SstpSubscriber, slow_wire

PPTP = 'pptp = { host-name = "bras1"; authentication = { protocols = [ "mschap-v2" ]; }; };'


def give_alice(server, words):
    server.stop()
    server.change("users", "Session-Timeout = 3600", words)
    server.start()


@pytest.mark.parametrize("tunnel", ["pptp", "sstp"])
def test_time_that_is_over_is_renewed(lab, server, spool, start_bras, tunnel):
    """Termination-Action: the client proves itself again under its link; when nobody answers any more, time is over."""
    give_alice(server, "Session-Timeout = 3, Termination-Action = RADIUS-Request, State = 0x6d6f7265")
    made = Certificate(lab.run_dir, name="radius-limits")
    sstp = (f'sstp = {{ listen = [ "0.0.0.0:443" ]; certificate = "{made.certificate}"; private-key = "{made.key}";'
            ' authentication = { protocols = [ "mschap-v2" ]; }; };')
    bras = start_bras(**radius.settings(spool, extra=PPTP + sstp))
    guest = lab.guests["alice"]
    if tunnel == "sstp":
        slow_wire(guest)
        alice = SstpSubscriber(guest, authentication="mschap-v2")
    else:
        alice = PptpSubscriber(guest, authentication="mschap-v2")
    try:
        alice.connect()
        bras.wait_log(r"session time renewed \(radius 127.0.0.1\): 3 s")
        assert "5 received" in alice.ping(CoreHost.address)
        server.freeze()
        bras.wait_log(r"ended: session time is over")
        alice.wait_ended()
        server.stop()
        server.start()
        stop = server.wait_record(Acct_Status_Type="Stop", User_Name="alice")
        assert stop["Acct-Terminate-Cause"] == ["Session-Timeout"] and int(stop["Acct-Session-Time"][0]) >= 6
    finally:
        alice.stop()
        if tunnel == "sstp":
            slow_wire(guest, "")
    bras.wait_everything_returned()


def test_port_limit_counts_over_all_tunnels(lab, server, spool, start_bras, subscribe):
    """One session of a user is his limit: the second, over another tunnel, is refused with what is wrong."""
    give_alice(server, "Port-Limit = 1")
    bras = start_bras(**radius.settings(spool, extra=PPTP))
    alice = subscribe().connect()
    other = PptpSubscriber(lab.guests["bob"], user="alice", password="wonderland").dial()
    try:
        bras.wait_log(r"ended: user has all sessions that he may have")
        other.wait_ended()
    finally:
        other.stop()
    assert "5 received" in alice.ping(CoreHost.address)
