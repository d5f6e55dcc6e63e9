"""Subscribers whom a RADIUS server knows: a private FreeRADIUS judges."""
import contextlib
import os
import subprocess

import pytest

import radius
from core_host import CoreHost
from pptp_subscriber import PptpSubscriber
from wait import wait_until


@pytest.mark.parametrize("method", ["pap", "chap", "mschap", "mschap-v2"])
def test_login_and_pool(radius_bras, server, subscribe, method):
    """Each method; the address comes from the pool that the server names."""
    bras = radius_bras(protocols=(method,))
    alice = subscribe(authentication=method).connect()
    assert alice.address.startswith("10.79.1.")
    assert "5 received" in alice.ping(CoreHost.address)
    bras.wait_log(r"authentication succeeded \(radius 127.0.0.1\)")
    start = server.wait_record(Acct_Status_Type="Start", User_Name="alice")
    assert start["Framed-IP-Address"] == [alice.address]
    assert start["Acct-Authentic"] == ["RADIUS"]
    assert start["Tunnel-Type:0"] == ["L2TP"]
    assert start["NAS-Identifier"] == ["bras1"]
    assert [bytes.fromhex(one[2:]) for one in start["Class"]] == [b"cls-a", b"cls-b"]


@pytest.mark.parametrize("method", ["mschap", "mschap-v2"])
def test_mppe_with_the_servers_keys(radius_bras, subscribe, method):
    """The keys that the server sends are the client's: what both encrypt, the other reads."""
    bras = radius_bras(protocols=(method,))
    alice = subscribe(authentication=method, ppp_options="require-mppe-128").connect()
    assert "MPPE 128-bit stateless compression enabled" in alice.ppp_log
    assert "5 received" in alice.ping(CoreHost.address)
    assert bras.dropped("MPPE_NO_KEY") == bras.dropped("MPPE_CLEAR") == 0


@pytest.mark.parametrize("tunnel", ["l2tp", "pptp"])
def test_mppe_without_the_servers_keys(lab, server, spool, start_bras, subscribe, tunnel):
    """The server says yes and sends no keys: where MPPE is required the login ends, and the log says what is missing."""
    server.stop()
    server.change("radiusd.conf", "use_mppe = yes", "use_mppe = no")
    server.start()
    settings = radius.settings(spool, protocols=("mschap-v2",))
    settings["change"].append(("ppp-options = { ", 'ppp-options = { mppe = "require"; '))
    settings["extra"] += 'pptp = { host-name = "bras1"; authentication = { protocols = [ "mschap-v2" ]; }; };'
    bras = start_bras(**settings)
    if tunnel == "l2tp":
        alice = subscribe(authentication="mschap-v2", ppp_options="require-mppe-128").dial()
    else:
        alice = PptpSubscriber(lab.guests["alice"], mppe="require-mppe-128").dial()
    try:
        bras.wait_log("RADIUS keying material missing")
        alice.wait_ended()
        assert alice.address is None
    finally:
        alice.stop()
    bras.wait_everything_returned()


def test_static_address_and_route(radius_bras, server, subscribe, lab):
    """Framed-IP-Address and Framed-Route forward, both ways."""
    radius_bras()
    bob = subscribe("bob", user="bob", password="builder").connect()
    assert bob.address == "100.64.0.10"
    bob.guest.run("ip addr add 198.51.100.65/32 dev lo")
    lab.core.run("ip route replace 100.64.0.0/24 via 192.0.2.1")
    assert "1 received" in bob.ping(CoreHost.address, count=1)
    assert " 1 received" in lab.core_host.run("ping -n -c 1 -W 3 198.51.100.65")
    assert "192.0.2.54" in bob.ppp_log


def test_refusals(radius_bras, server, subscribe):
    """A reject with the server's words, an unknown pool by its name."""
    bras = radius_bras(protocols=("pap",))
    carol = subscribe(user="carol", password="pappw").dial()
    carol.wait_ppp("no credit")
    erin = subscribe("bob", user="erin", password="erinpw").dial()
    bras.wait_log("no pool is called nosuch")
    for one in (carol, erin):
        one.wait_ended()
    assert not bras.sessions()


def test_stop_equals_the_guests_counters(radius_bras, server, subscribe):
    """With traffic stopped, on a clean link: octets and packets of both ends are the same."""
    bras = radius_bras()
    alice = subscribe().connect()
    sid = bras.session_of("alice")["sid"]
    stats = f"/sys/class/net/{alice.interface}/statistics/"
    names = ("tx_bytes", "tx_packets", "rx_bytes", "rx_packets")

    def guest():
        return [int(n) for n in alice.guest.run(f"cat {' '.join(stats + name for name in names)}").split()]
    # The interface counts IPCP and CCP as well: they are over now, and no IP packet has gone yet.
    before = guest()
    alice.ping(CoreHost.address, count=20, options="-s 500")
    carried = [after - first for after, first in zip(guest(), before)]
    bras.cli("terminate username alice")
    stop = server.wait_record(Acct_Status_Type="Stop", Acct_Session_Id=sid)
    said = [int(stop[f"Acct-{name}"][0]) for name in
            ("Input-Octets", "Input-Packets", "Output-Octets", "Output-Packets")]
    assert said[1] == 20 and said == carried
    assert stop["Acct-Terminate-Cause"] == ["Admin-Reset"]


def interims(server, user):
    return [r for r in server.records() if r.get("User-Name") == [user] and r["Acct-Status-Type"] == ["Interim-Update"]]


def test_interim_records(radius_bras, server, subscribe):
    """Every second as we are configured, but for bob, for whom the server wants one a minute."""
    radius_bras(keys=radius.QUICK + " acct-interim-interval = 1;")
    bob = subscribe("bob", user="bob", password="builder").connect()
    alice = subscribe().connect()
    wait_until("an interim record", lambda: interims(server, "alice"))
    alice.ping(CoreHost.address, count=5)
    wait_until("one that counts them", lambda: interims(server, "alice")[-1]["Acct-Input-Packets"] == ["5"])
    alice.hang_up()
    stop = server.wait_record(Acct_Status_Type="Stop", User_Name="alice")
    packets = [int(r["Acct-Input-Packets"][0]) for r in interims(server, "alice") + [stop]]
    times = [int(r["Acct-Session-Time"][0]) for r in interims(server, "alice") + [stop]]
    assert packets == sorted(packets) and times == sorted(times) and len(times) >= 3
    assert bob.address and all(int(r["Acct-Session-Time"][0]) >= 60 for r in interims(server, "bob"))


@pytest.mark.long  # RFC 2869 5.16: no interval is shorter
def test_the_servers_interim_interval(radius_bras, server, subscribe):
    """Acct-Interim-Interval = 60 of the server."""
    radius_bras()
    subscribe("bob", user="bob", password="builder").connect()
    one = wait_until("an interim record", lambda: interims(server, "bob"), 90)[0]
    assert 60 <= int(one["Acct-Session-Time"][0]) <= 61


def test_without_a_server(start_bras, subscribe, spool):
    """The same records, in a file of ours."""
    path = f"{spool}.detail"
    bras = start_bras(extra=f'radius = {{ acct-spool = "{spool}"; acct-file = "{path}"; acct-interim-interval = 1; }};')
    alice = subscribe().connect()
    sid = bras.session_of("alice")["sid"]
    alice.ping(CoreHost.address)
    wait_until("an interim record", lambda: any("Interim-Update" in r["Acct-Status-Type"] for r in radius.records(path)))
    alice.hang_up()
    bras.wait_everything_returned()
    bras.stop()
    found = radius.records(path)
    types = [r["Acct-Status-Type"][0] for r in found]
    assert types[:2] == ["Accounting-On", "Start"] and types[-2:] == ["Stop", "Accounting-Off"]
    assert set(types[2:-2]) == {"Interim-Update"}
    assert all(r["Acct-Session-Id"] == [sid] and r["User-Name"] == ["alice"] for r in found[1:-1])
    stop = found[-2]
    assert stop["Acct-Authentic"] == ["Local"] and stop["Framed-IP-Address"] == [alice.address]
    assert stop["Acct-Terminate-Cause"] == ["User-Request"] and stop["Acct-Input-Packets"] == ["5"]
    assert int(stop["Acct-Input-Octets"][0]) == 5 * 84 == int(stop["Acct-Output-Octets"][0])


def test_coa_and_disconnect(radius_bras, server, subscribe, lab):
    """radclient changes a rate and ends the session; strangers and nonsense get their Error-Cause."""
    bras = radius_bras()
    alice = subscribe().connect()
    sid = bras.session_of("alice")["sid"]
    acked, said = radius.radclient(lab, "coa", [("Acct-Session-Id", sid), ("Filter-Id", "512/1024"),
                                                ("Proxy-State", "0x61"), ("Message-Authenticator", "0x00")])
    assert acked, said
    acked, said = radius.radclient(lab, "coa", [("Acct-Session-Id", sid), ("Framed-Pool", "home")])
    assert not acked and "Error-Cause = Unsupported-Attribute" in said
    acked, said = radius.radclient(lab, "disconnect", [("User-Name", "nobody")])
    assert not acked and "Error-Cause = Session-Context-Not-Found" in said
    acked, said = radius.radclient(lab, "disconnect", [("User-Name", "alice"), ("NAS-IP-Address", "203.0.113.9")])
    assert not acked and "Error-Cause = NAS-Identification-Mismatch" in said
    acked, said = radius.radclient(lab, "disconnect", [("User-Name", "alice")], secret="wrong")
    assert not acked and "No reply" in said
    assert len(bras.sessions()) == 1
    acked, said = radius.radclient(lab, "disconnect", [("User-Name", "alice"), ("Framed-IP-Address", alice.address)])
    assert acked, said
    alice.wait_ended()
    stop = server.wait_record(Acct_Status_Type="Stop", Acct_Session_Id=sid)
    assert stop["Acct-Terminate-Cause"] == ["Admin-Reset"]


def test_silence_falls_through_to_local_users(radius_bras, server, subscribe):
    """Outage (b): the server is gone, local users come in; afterwards it hears of them."""
    bras = radius_bras(mode='"radius", "local"')
    server.stop()
    alice = subscribe().connect(60)
    assert alice.address.startswith("10.78.1.")
    bras.wait_log("no answer from RADIUS: 127.0.0.1 port 18120")
    alice.hang_up()
    bras.wait_sessions(0)
    server.start()
    start = server.wait_record(60, Acct_Status_Type="Start", User_Name="alice")
    stop = server.wait_record(60, Acct_Status_Type="Stop", User_Name="alice")
    assert start["Acct-Authentic"] == ["Local"]
    types = [r["Acct-Status-Type"][0] for r in server.records() if r.get("User-Name") == ["alice"]]
    assert types.index("Start") < types.index("Stop")
    assert int(stop["Acct-Delay-Time"][0]) >= 0


def test_killed_in_an_outage(radius_bras, server, subscribe):
    """SIGKILL while nobody answers: records of before survive, the restart closes what was up."""
    bras = radius_bras()
    alice = subscribe().connect()
    first = bras.session_of("alice")["sid"]
    server.wait_record(Acct_Status_Type="Start", Acct_Session_Id=first)
    bob = subscribe("bob", user="bob", password="builder").connect()
    second = bras.session_of("bob")["sid"]
    server.wait_record(Acct_Status_Type="Start", Acct_Session_Id=second)
    server.stop()
    bob.hang_up()
    bras.wait_sessions(1)
    bras.kill()
    alice.crash()
    server.start()
    again = radius_bras()
    stop = server.wait_record(30, Acct_Status_Type="Stop", Acct_Session_Id=second)
    assert stop["Acct-Terminate-Cause"] == ["User-Request"]
    closed = server.wait_record(30, Acct_Status_Type="Stop", Acct_Session_Id=first)
    assert closed["Acct-Terminate-Cause"] == ["NAS-Reboot"]
    server.wait_record(30, Acct_Status_Type="Accounting-On")
    again.wait_log("accounting records of before are sent now")


def test_full_spool_disk(server, spool, start_bras, subscribe):
    """A spool on a disk of one megabyte that is full: said in the log, no session waits."""
    folder = os.path.dirname(spool)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    try:
        with open(os.path.join(folder, "fill"), "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        bras = start_bras(**radius.settings(spool))
        alice = subscribe().connect()
        assert "5 received" in alice.ping(CoreHost.address)
        bras.wait_log("accounting spool: No space left on device")
        server.wait_record(Acct_Status_Type="Start", User_Name="alice")
        alice.hang_up()
        server.wait_record(Acct_Status_Type="Stop", User_Name="alice")
        bras.stop()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
