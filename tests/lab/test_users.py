"""What an operator writes about a user, and what comes of it at his end of the line and behind it."""
import re

import pytest

from bras import GATEWAY
from core_host import CoreHost
from network import ACCESS_BRAS, CORE_BRAS
from wait import wait_until

SITE = "10.1.202"
ALICE = '{ username = "alice"; password = "wonderland"; }'


def alice_with(keys):
    """A change of the lab's configuration: alice's entry says this as well."""
    return (ALICE, ALICE.replace(" }", f" {keys} }}"))


@pytest.fixture
def site(lab):
    """A host behind alice, in a namespace of her guest, which routes; the core side knows where its network is."""
    guest = lab.guests["alice"]
    guest.run(f"""
ip netns add site && ip link add lan0 type veth peer name eth0 netns site
ip addr add {SITE}.1/24 dev lan0 && ip link set lan0 up
ip netns exec site ip addr add {SITE}.2/24 dev eth0
ip netns exec site ip link set eth0 up
ip netns exec site ip route add default via {SITE}.1
sysctl -q net.ipv4.ip_forward=1""")
    lab.core.run(f"ip route add {SITE}.0/24 via {CORE_BRAS}")
    yield lambda target, options="": guest.run(
        f"ip netns exec site ping -n -c 3 -i 0.3 -W 2 {options} {target}", check=False)
    lab.core.run(f"ip route del {SITE}.0/24 via {CORE_BRAS}")
    guest.run("ip netns del site; ip link del lan0; sysctl -q net.ipv4.ip_forward=0", check=False)


@pytest.mark.asan
def test_site_to_site(start_bras, subscribe, lab, site):
    """A host behind the subscriber talks to the core side, either way; nobody talks from elsewhere through him."""
    bras = start_bras(change=[alice_with(f'routes = [ "{SITE}.0/24" ];')])
    alice = subscribe().connect()
    assert "3 received" in site(CoreHost.address)
    assert "3 received" in lab.core_host.run(f"ping -n -c 3 -i 0.3 -W 2 {SITE}.2")
    row = bras.show(f"session {bras.session_of('alice')['ifname']}")
    assert row["routes"] == [f"{SITE}.0/24"]

    alice.guest.run("ip addr add 10.1.203.9/32 dev lo")
    alice.ping(CoreHost.address, options="-I 10.1.203.9", check=False)
    alice.guest.run("ip addr del 10.1.203.9/32 dev lo")
    assert bras.dropped("SPOOFED") > 0, "an address of no network of his"

    alice.hang_up()
    bras.wait_everything_returned()
    wait_until("end of the way to the site",
               lambda: " 0 received" in lab.core_host.run(f"ping -n -c 1 -W 1 {SITE}.2", check=False))


def test_site_dials_in_again(start_bras, subscribe, lab, site):
    """Its line was cut and nobody has noticed yet: the new session has the traffic at once."""
    bras = start_bras(change=[alice_with(f'routes = [ "{SITE}.0/24" ];')])
    subscribe().connect().crash()
    subscribe().connect()
    assert len(bras.sessions()) == 2
    assert "3 received" in lab.core_host.run(f"ping -n -c 3 -i 0.3 -W 2 {SITE}.2")


@pytest.mark.asan
def test_proxy_arp(start_bras, subscribe, lab):
    """Seed of an office: the laptop has an address of the office's network, and its hosts find it by ARP."""
    bras = start_bras(change=[
        (f'addresses = [ "{CORE_BRAS}/30" ];', f'addresses = [ "{CORE_BRAS}/30", "10.101.0.1/24" ]; proxy-arp = true;'),
        ("10.78.1.0/24", "10.101.0.100-10.101.0.199")])
    lab.core.run("ip addr add 10.101.0.2/24 dev eth0")
    try:
        alice = subscribe().connect()
        assert alice.address == "10.101.0.100"
        assert "3 received" in lab.core_host.run(f"ping -n -c 3 -i 0.3 -W 2 {alice.address}")
        assert "5 received" in alice.ping("10.101.0.2")
        neighbours = lab.core.run("ip neigh show dev eth0")
        mac = {re.search(rf"^{re.escape(address)} lladdr (\S+)", neighbours, re.MULTILINE)[1]
               for address in (alice.address, CORE_BRAS)}
        assert len(mac) == 1, neighbours
        alice.hang_up()
        bras.wait_everything_returned()
        lab.core.run("ip neigh flush dev eth0")
        assert "Host Unreachable" in lab.core_host.run(f"ping -n -c 1 -W 4 {alice.address}", check=False)
    finally:
        lab.core.run("ip addr del 10.101.0.2/24 dev eth0")


@pytest.mark.asan
def test_replaced_after_a_kill(start_bras, subscribe):
    """The client died and dials in again: its dead session is over before the new one is let in, with the address."""
    bras = start_bras(extra='single-session = "replace";', change=[alice_with('static-ip = "10.78.1.77";')])
    alice = subscribe(userspace=True).connect()
    assert alice.address == "10.78.1.77"
    alice.crash()
    again = subscribe().connect()
    assert again.address == "10.78.1.77"
    assert "5 received" in again.ping(GATEWAY)
    first, second = [row for row in re.findall(r"(\S+): new connection", bras.log)][:2]
    assert (first.split(":")[0], second.split(":")[0]) == ("l2tp0", "l2tp1")
    order = re.findall(r"l2tp\d:alice: (?:authentication succeeded|started|ended: \w+)", bras.log)
    assert order == ["l2tp0:alice: authentication succeeded", "l2tp0:alice: started", "l2tp0:alice: ended: replaced",
                     "l2tp1:alice: authentication succeeded", "l2tp1:alice: started"]


def test_address_of_another(start_bras, subscribe):
    """Without single-session a static address has one session at a time; the log names both."""
    bras = start_bras(change=[alice_with('static-ip = "10.78.1.77";')])
    subscribe().connect()
    second = subscribe("bob", user="alice", password="wonderland").dial()
    second.wait_ppp("address is held by another session")
    bras.wait_log("l2tp1:alice: address 10.78.1.77 is held by l2tp0:alice")
    second.wait_ended()
    bras.wait_sessions(1)


def test_next_pool(start_bras, subscribe):
    """A pool that is used up is followed by the next; when that is, too, log and client say so."""
    bras = start_bras(change=[
        ('{ name = "home"; range = [ "10.78.1.0/24" ]; }',
         '{ name = "home"; range = [ "10.78.1.7-10.78.1.7" ]; next-pool = "spare"; },'
         ' { name = "spare"; range = [ "10.79.0.9/32" ]; }')])
    alice = subscribe().connect()
    bob = subscribe("bob", user="bob", password="builder").connect()
    assert (alice.address, bob.address) == ("10.78.1.7", "10.79.0.9")
    third = subscribe("bob", user="bob", password="builder").dial()
    third.wait_ppp("no address left in the pool")
    bras.wait_log("l2tp2:bob: no address left in pool home and those after it")
    bob.hang_up()
    bras.wait_sessions(1)
    assert subscribe("bob", user="bob", password="builder").connect().address == "10.79.0.9"


def test_returning_user(start_bras, subscribe):
    """The same address again, though others have come and gone."""
    bras = start_bras()
    alice = subscribe().connect()
    address = alice.address
    alice.hang_up()
    bob = subscribe("bob", user="bob", password="builder").connect()
    assert bob.address != address
    assert subscribe().connect().address == address
    bras.wait_sessions(2)


@pytest.mark.parametrize("keys, why", [
    ("disable = true;", "user is disabled"),
    ('service = "pptp";', "user may not use this protocol"),
    ('caller-id = [ "0123", "10.99.0.0/16" ];', "user may not call from there"),
], ids=["disabled", "service", "caller-id"])
def test_refused(start_bras, subscribe, keys, why):
    """The operator reads why; the client learns no more than from a wrong password."""
    bras = start_bras(change=[alice_with(keys)])
    alice = subscribe(authentication="mschap-v2").dial()
    alice.wait_ppp("E=691")
    alice.wait_ended()
    bras.wait_log(re.escape(f"authentication failed (local): {why}"))
    bras.wait_everything_returned()


def test_caller_and_name(start_bras, subscribe):
    """He calls from where he may, and his session is called as he is to be."""
    bras = start_bras(change=[
        alice_with('caller-id = "10.77.0.0/24"; ifname = "office"; gateway-address = "172.16.1.1";')])
    alice = subscribe().connect()
    assert bras.session_of("alice")["ifname"] == "office"
    assert "5 received" in alice.ping("172.16.1.1")
    bras.wait_log("office:alice: started")


def test_anybody(start_bras, subscribe):
    bras = start_bras(change=[('mode = [ "local" ];', 'mode = [ "local" ]; any-login = true;')])
    subscribe(user="whoever", password="whatever").connect()
    assert bras.session_of("whoever")


@pytest.mark.asan
def test_chap_secrets(start_bras, subscribe, lab):
    """The users of a pppd or an accel-ppp come along with their file; nobody is shown a password."""
    with open(f"{lab.run_dir}/chap-secrets", "w") as file:
        file.write('# client\tserver\tsecret\taddress\ndave\t*\t"open sesame"\t10.78.1.99\n')
    bras = start_bras(change=[
        ('mode = [ "local" ];', f'mode = [ "local" ]; chap-secrets = "{lab.run_dir}/chap-secrets";')])
    dave = subscribe(user="dave", password="open sesame").connect()
    assert dave.address == "10.78.1.99"
    subscribe("bob", user="bob", password="builder").connect()

    users = {row["username"]: row for row in bras.show("users username,online,static-ip,from")}
    assert users["dave"] == {"username": "dave", "online": 1, "static-ip": "10.78.1.99", "from": "chap-secrets"}
    assert (users["alice"]["online"], users["bob"]["online"]) == (0, 1)
    for command in ("show users", "show config", "show session l2tp0"):
        answer = bras.cli(command, "--json").stdout
        assert not any(secret in answer for secret in ("sesame", "wonderland", "builder")), command


def test_everything_about_a_session(bras, subscribe):
    """What RouterOS and accel-ppp show of a session, and what has become of it so far."""
    alice = subscribe(authentication="mschap-v2").connect()
    session = bras.show("session l2tp0")
    assert session["username"] == "alice" and session["ip"] == alice.address
    assert (session["mtu"], session["mru"]) == (1400, 1460)
    assert (session["auth"], session["backend"], session["pool"]) == ("mschap-v2", "local", "home")
    assert session["phase"] == "network" and session["encoding"] is None
    assert session["idle-time"] is not None and session["gateway"] == GATEWAY
    assert [event["event"] for event in session["history"]] == ["new connection", "started"]
    alice.ping(GATEWAY)
    assert bras.show("session l2tp0")["idle-time"] <= 2


def test_one_protocol(bras, subscribe):
    """`show l2tp-server` in the words of VyOS's `show sstp-server`."""
    subscribe().connect()
    assert [row["username"] for row in bras.show("l2tp-server sessions")] == ["alice"]
    assert bras.show("sstp-server sessions") == []
    assert bras.show("l2tp-server statistics")["sessions"]["active"] == 1
    assert bras.cli("show pptp-server statistics", check=False).returncode == 1
    tunnel, = bras.show("tunnels protocol,id,peer-id,name,peer-name,state,address,port,sessions,last-change")
    assert tunnel["name"] == "bras1" and tunnel["sessions"] == 1 and tunnel["state"] == "established"


def test_debug_of_one_session(start_bras, subscribe):
    """Its negotiation is traced from now on, and nobody else's."""
    bras = start_bras(log_level="info", echo_interval=0)
    subscribe(ppp_options="lcp-echo-interval 0").connect()
    bob = subscribe("bob", user="bob", password="builder").connect()
    assert "[LCP" not in bras.log
    assert "yes" in bras.cli("debug session l2tp1 on").stdout
    bob.hang_up()
    bras.wait_log(r"l2tp1:bob: recv \[LCP TermReq")
    assert "l2tp0:alice: recv" not in bras.log


@pytest.mark.asan
def test_maintenance(bras, subscribe, access_wire):
    """New tunnels and calls go elsewhere (RFC 2661 4.4.2: result 2, error 7, "try another"); who is online stays."""
    alice = subscribe().connect()
    assert "yes" in bras.cli("maintenance on").stdout
    bob = subscribe("bob", user="bob", password="builder").dial()
    access_wire.wait_for("*MSGTYPE(StopCCN)", f"udp and src host {ACCESS_BRAS} and dst host {bob.guest.address}")
    assert "5 received" in alice.ping(GATEWAY)
    assert [row["username"] for row in bras.sessions()] == ["alice"]
    bras.cli("maintenance off")
    assert subscribe("bob", user="bob", password="builder").connect()
