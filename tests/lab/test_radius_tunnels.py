"""RADIUS subscribers over PPTP and SSTP, and a server that sends requests of its own."""
import contextlib

import pytest

import radius
from certificate import Certificate
from core_host import CoreHost
from pptp_subscriber import PptpSubscriber
from sstp_subscriber import SstpSubscriber, slow_wire
from wait import wait_until

PPTP = ('pptp = { host-name = "bras1"; authentication = { protocols = [ "mschap-v2", "mschap", "chap", "pap" ]; };'
        ' ppp-options = { mppe = "prefer"; }; };')
# sstp-client 1.0.18 never says Call Connected after CHAP with MD5 (test_sstp.py).
SSTP_METHODS = ("pap", "mschap-v2")
# The server's own: a session's Start is answered with a request about it.
ORIGINATES = """\
home_server bras {{
	type = coa
	ipv6addr = ::1
	port = {port}
	secret = {secret}
	coa {{
		irt = 2
		mrt = 16
		mrc = 5
		mrd = 30
	}}
}}
client ipv6 {{
	ipaddr = ::1
	secret = {secret}
	coa_server = bras
}}
client any {{
"""
ON_START = """\
	accounting {
		acctdetail
		if (&Acct-Status-Type == Start && &User-Name == "alice") {
			update coa {
				&Acct-Session-Id = "%{Acct-Session-Id}"
				&Event-Timestamp = "%l"
				&Filter-Id = "512/1024"
			}
		}
		if (&Acct-Status-Type == Start && &User-Name == "bob") {
			update disconnect {
				&Acct-Session-Id = "%{Acct-Session-Id}"
				&Event-Timestamp = "%l"
			}
		}
"""


def rate_of(bras, user):
    return next(s["rate-limit"] for s in bras.show("sessions username,rate-limit,state") if s["username"] == user)


def re_rated_and_disconnected(lab, bras, server, subscriber, kind):
    """What radclient does to a session that is up, and what is accounted of it."""
    sid = bras.session_of("alice")["sid"]
    start = server.wait_record(Acct_Status_Type="Start", Acct_Session_Id=sid)
    assert start["Framed-IP-Address"] == [subscriber.address] and start["Acct-Authentic"] == ["RADIUS"]
    assert start.get("Tunnel-Type:0") == (["PPTP"] if kind == "pptp" else None)
    assert start["Tunnel-Client-Endpoint:0"] == [subscriber.guest.address]
    assert start["Connect-Info"][0].startswith(kind)
    assert rate_of(bras, "alice") == "20000/5000"
    acked, said = radius.radclient(lab, "coa", [("Acct-Session-Id", sid), ("Filter-Id", "512/1024")])
    assert acked and rate_of(bras, "alice") == "512/1024", said
    assert "5 received" in subscriber.ping(CoreHost.address)
    acked, said = radius.radclient(lab, "disconnect", [("User-Name", "alice")])
    assert acked, said
    subscriber.wait_ended()
    stop = server.wait_record(Acct_Status_Type="Stop", Acct_Session_Id=sid)
    assert stop["Acct-Terminate-Cause"] == ["Admin-Reset"] and stop["Class"] == start["Class"]


def test_pptp(lab, server, spool, start_bras):
    """Each method, MPPE with the server's keys where there are any; refused with the server's words."""
    bras = start_bras(**radius.settings(spool, extra=PPTP))
    for method in ("pap", "chap", "mschap", "mschap-v2"):
        mppe = "require-mppe-128" if method.startswith("mschap") else "nomppe"
        alice = PptpSubscriber(lab.guests["alice"], authentication=method, mppe=mppe)
        with contextlib.ExitStack() as stack:
            stack.callback(alice.stop)
            alice.connect()
            assert alice.address.startswith("10.79.1.")
            shown = bras.show(f"session {bras.session_of('alice')['ifname']}")
            assert shown["encoding"] == ("MPPE128 stateless" if method.startswith("mschap") else None)
            assert "5 received" in alice.ping(CoreHost.address)
            re_rated_and_disconnected(lab, bras, server, alice, "pptp")
            bras.wait_everything_returned()
    assert bras.dropped("MPPE_NO_KEY") == bras.dropped("MPPE_CLEAR") == 0
    carol = PptpSubscriber(lab.guests["bob"], user="carol", password="pappw", authentication="pap").dial()
    carol.wait_ppp("no credit")
    carol.wait_ended()


def test_sstp(lab, server, spool, start_bras):
    """The crypto binding of MS-CHAPv2 is made with keys that the server sends: only then a packet passes."""
    made = Certificate(lab.run_dir, name="radius")
    section = (f'sstp = {{ listen = [ "0.0.0.0:443" ]; certificate = "{made.certificate}"; private-key = "{made.key}";'
               ' authentication = { protocols = [ "mschap-v2", "pap" ]; }; };')
    bras = start_bras(**radius.settings(spool, extra=section))
    guest = lab.guests["alice"]
    slow_wire(guest)
    try:
        for method in SSTP_METHODS:
            alice = SstpSubscriber(guest, authentication=method)
            try:
                alice.connect()
                assert alice.address.startswith("10.79.1.")
                assert "5 received" in alice.ping(CoreHost.address)
                re_rated_and_disconnected(lab, bras, server, alice, "sstp")
            finally:
                alice.stop()
            bras.wait_everything_returned()
        assert bras.dropped("GATE_BOUND") == 0
    finally:
        slow_wire(guest, "")


def test_sstp_without_the_servers_keys(lab, server, spool, start_bras):
    """A server that sends none cannot bind an MS-CHAPv2 call to its TLS: the call ends before it is let in."""
    server.stop()
    server.change("radiusd.conf", "use_mppe = yes", "use_mppe = no")
    server.start()
    made = Certificate(lab.run_dir, name="radius-keyless")
    section = (f'sstp = {{ listen = [ "0.0.0.0:443" ]; certificate = "{made.certificate}"; private-key = "{made.key}";'
               ' authentication = { protocols = [ "mschap-v2" ]; }; };')
    bras = start_bras(**radius.settings(spool, extra=section))
    guest = lab.guests["alice"]
    slow_wire(guest)
    alice = SstpSubscriber(guest, authentication="mschap-v2")
    try:
        alice.dial()
        bras.wait_log("ended: RADIUS keying material missing")
        alice.wait_ended()
        bras.wait_everything_returned()
    finally:
        alice.stop()
        slow_wire(guest, "")


@pytest.fixture
def ipv6_loopback(lab):
    lab.access.run("sysctl -q net.ipv6.conf.lo.disable_ipv6=0")
    wait_until("::1", lambda: "::1" in lab.access.run("ip -6 addr show dev lo"))
    yield
    lab.access.run("sysctl -q net.ipv6.conf.lo.disable_ipv6=1")


def test_over_ipv6(lab, server, spool, start_bras, subscribe, ipv6_loopback):
    """A server at ::1, asked from ::1.  FreeRADIUS sends CoA and Disconnect by itself, to ::1, as soon as it hears of a
    session; then radclient does."""
    server.stop()
    server.change("radiusd.conf", "ipaddr = 127.0.0.1\n", "ipaddr = ::1\n")
    server.change("radiusd.conf", "client any {\n", ORIGINATES.format(port=radius.DAE_PORT, secret=radius.SECRET))
    server.change("radiusd.conf", "\taccounting {\n\t\tacctdetail\n", ON_START)
    server.start()
    bras = start_bras(**radius.settings(spool, listen="::1", servers=[radius.server_entry("::1")],
                                        keys=radius.QUICK + ' source-address = "::1";'))
    alice = subscribe().connect()
    bras.wait_log(r"authentication succeeded \(radius ::1\)")
    start = server.wait_record(Acct_Status_Type="Start", User_Name="alice")
    assert start["NAS-IPv6-Address"] == ["::1"] and "NAS-IP-Address" not in start
    wait_until("the server's rate", lambda: rate_of(bras, "alice") == "512/1024")
    bob = subscribe("bob", user="bob", password="builder").dial()
    bob.wait_ended()
    stop = server.wait_record(Acct_Status_Type="Stop", User_Name="bob")
    assert stop["Acct-Terminate-Cause"] == ["Admin-Reset"]
    listener = next(r for r in bras.show("radius") if r["role"] == "coa")
    assert (listener["server"], listener["sent"], listener["answered"], listener["refused"]) == ("::1", 2, 2, 0)

    named = [("User-Name", "alice"), ("NAS-IPv6-Address", "::1"), ("Message-Authenticator", "0x00")]
    acked, said = radius.radclient(lab, "coa", [*named, ("Filter-Id", "1000/3000")], address="[::1]")
    assert acked and rate_of(bras, "alice") == "1000/3000", said
    acked, said = radius.radclient(lab, "disconnect", [("User-Name", "alice"), ("NAS-IPv6-Address", "2001:db8::9")],
                                   address="[::1]")
    assert not acked and "Error-Cause = NAS-Identification-Mismatch" in said
    acked, said = radius.radclient(lab, "disconnect", named, secret="wrong", address="[::1]")
    assert not acked and "No reply" in said
    acked, said = radius.radclient(lab, "disconnect", named, address="[::1]")
    assert acked, said
    alice.wait_ended()
