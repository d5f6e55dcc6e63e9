"""Tunnels over IPv6: Debian's client dials in through socat, because xl2tpd speaks IPv4 alone.

    guest: pppd -- xl2tpd -- 127.0.0.1:1701 socat fd77::b -- tap -- millraced fd77::2
"""
import re

import pytest

from bras import GATEWAY
from network import ACCESS_BRAS, CORE_HOST
from wait import wait_until

BRAS6 = "fd77::2"
GUEST6 = "fd77::b"
FAR6 = "2001:db8:b::1"  # an address of the guest's that is not on the link
RELAY = "127.0.0.1"

IP6 = [(f'"{ACCESS_BRAS}/24"', f'"{ACCESS_BRAS}/24", "{BRAS6}/64"'),
       ('listen = [ "0.0.0.0" ]', 'listen = [ "0.0.0.0", "::" ]'),
       ("routes = (", f'routes = ( {{ table = "access"; prefix = "2001:db8:b::/48"; via = "{GUEST6}"; }},')]

SETUP = f"""\
ip addr replace {GUEST6}/64 dev vec0 nodad
ip addr replace {FAR6}/128 dev lo
ip neigh flush dev vec0
"""

# What a scanner, a broken host or a fool sends: raw, from the guest's own stack.
GARBAGE = f"""
import os, socket, struct
raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
ours, theirs = socket.inet_pton(socket.AF_INET6, "{GUEST6}"), socket.inet_pton(socket.AF_INET6, "{BRAS6}")
def send(next_header, payload, hop_limit=64, length=None):
    head = struct.pack("!IHBB", 6 << 28, len(payload) if length is None else length, next_header, hop_limit)
    try:
        raw.sendto(head + ours + theirs + payload, ("{BRAS6}", 0))
    except OSError:
        pass
for n in range(200):
    send(os.urandom(1)[0], os.urandom(n))
    send(44, struct.pack("!BBHI", 17, 0, n << 3 | 1, n) + os.urandom(64))
    send(60, bytes([17, n % 40]) + os.urandom(6 + n))
    send(58, bytes([135, 0]) + os.urandom(n), hop_limit=255)
    send(58, bytes([136, 0]) + os.urandom(n), hop_limit=254)
    send(17, struct.pack("!HHHH", n, 1701, 8 + n, 0) + os.urandom(n))
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for n in range(200):
    udp.sendto(os.urandom(n), ("{BRAS6}", 1701))
"""


@pytest.fixture
def alice6(lab):
    """The guest with addresses of IPv6."""
    guest = lab.guests["alice"]
    guest.run(SETUP)
    yield guest
    guest.run(f"ip addr del {GUEST6}/64 dev vec0; ip addr del {FAR6}/128 dev lo", check=False)


@pytest.fixture
def relay(alice6):
    """socat beside the client, as long as the test."""
    job = alice6.start(f"echo $$ > /run/socat.pid; exec socat UDP4-LISTEN:1701,bind={RELAY} UDP6:[{BRAS6}]:1701")
    alice6.run("while [ ! -s /run/socat.pid ]; do sleep 0.1; done")
    yield job
    alice6.run("kill $(cat /run/socat.pid); rm -f /run/socat.pid", check=False)
    job.wait(20)


def ping6(guest, target, options=""):
    return guest.run(f"ping -6 -n -c 3 -W 5 {options} {target}", check=False)


def test_answers_ping(lab, start_bras, alice6):
    """On the link by Neighbor Discovery, by its link-local address, large, and from beyond a router."""
    bras = start_bras(change=IP6)
    assert " 0% packet loss" in ping6(alice6, BRAS6)
    assert " 0% packet loss" in ping6(alice6, BRAS6, "-s 1400")
    assert " 0% packet loss" in ping6(alice6, BRAS6, f"-I {FAR6}")
    neighbours = alice6.run("ip -6 neigh show dev vec0")
    mac = re.search(rf"^{BRAS6} lladdr ([0-9a-f:]+) (REACHABLE|DELAY|STALE)", neighbours, re.MULTILINE).group(1)
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    low = "".join(f"{octet:02x}" for octet in octets)
    link_local = f"fe80::{low[0:4]}:{low[4:6]}ff:fe{low[6:8]}:{low[8:12]}"
    assert " 0% packet loss" in ping6(alice6, f"{link_local}%vec0")
    assert bras.dropped("IP6_TRANSIT") == 0 or bras.dropped("NO_ROUTE") == 0


def test_an_address_of_ours_is_taken(lab, start_bras, alice6):
    """RFC 4862 5.4: the guest asks before it uses an address, and hears that it is ours."""
    start_bras(change=IP6)
    assert " 0% packet loss" in ping6(alice6, BRAS6)
    alice6.run(f"ip addr add {BRAS6}/64 dev vec0")
    try:
        wait_until("duplicate address", lambda: "dadfailed" in alice6.run("ip -6 addr show dev vec0"), 20)
    finally:
        alice6.run(f"ip addr del {BRAS6}/64 dev vec0")


def test_dials_in_over_ip6(lab, start_bras, subscribe, relay, core_wire):
    """The whole life of a subscriber whose tunnel is IPv6's."""
    bras = start_bras(change=IP6)
    alice = subscribe("alice", lns=RELAY, userspace=True).connect(60)
    tunnel = bras.show("tunnels")[0]
    assert tunnel["address"] == GUEST6
    assert tunnel["sessions"] == 1
    session = bras.session_of("alice")
    assert session["calling-sid"] == GUEST6
    bras.wait_log(rf"l2tp tunnel [0-9]+: established peer={GUEST6}:")
    assert " 0% packet loss" in alice.ping(GATEWAY, count=3)
    assert " 0% packet loss" in alice.ping(CORE_HOST, count=3)
    for size in (0, 1, 771, 1372):
        assert " 0% packet loss" in alice.ping(CORE_HOST, count=1, options=f"-s {size}")
    core_wire.wait_for(alice.address, "icmp")
    assert bras.dropped("UDP_CHECKSUM") == 0
    assert bras.dropped("L2TP_PEER") == 0
    alice.hang_up()
    bras.wait_log("peer terminated the link")
    bras.wait_everything_returned()


def test_checksums_on_the_wire(lab, start_bras, subscribe, relay, access_wire):
    """tcpdump finds no bad checksum; the session's data has one."""
    start_bras(change=IP6)
    alice = subscribe("alice", lns=RELAY, userspace=True).connect(60)
    assert " 0% packet loss" in alice.ping(CORE_HOST, count=3)
    sent = access_wire.packets(f"ip6 and src host {BRAS6} and udp", verbose=True)
    assert len(sent) >= 6
    assert not [packet for packet in sent if "bad udp cksum" in packet]
    assert not [packet for packet in sent if "no cksum" in packet]


def test_garbage_ends_nothing(lab, start_bras, subscribe, relay, alice6):
    bras = start_bras(change=IP6)
    alice = subscribe("alice", lns=RELAY, userspace=True).connect(60)
    alice6.run(f"python3 - <<'END'\n{GARBAGE}\nEND", timeout_s=120)
    wait_until("drops", lambda: bras.dropped("IP6_EXTENSION") > 0)
    assert bras.dropped("IP6_FRAGMENT") > 0
    assert bras.dropped("ND_HOP_LIMIT") > 0
    assert bras.dropped("UDP_CHECKSUM") > 0
    assert " 0% packet loss" in alice.ping(CORE_HOST, count=3)
    assert " 0% packet loss" in ping6(alice6, BRAS6)
