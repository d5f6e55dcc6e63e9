"""What a subscriber's PPP may be like, and what the operator's PPP keys do to it."""
import re

import pytest

from bras import GATEWAY, NAME_SERVER
from core_host import CoreHost

MODES = pytest.mark.parametrize("userspace", [False, True], ids=["kernel", "userspace"])
ALL = ("mschap-v2", "mschap", "chap", "pap")
NAMES = {"pap": "pap", "chap": "chap-md5", "mschap": "mschap", "mschap-v2": "mschap-v2"}


def method_of(bras, user):
    return bras.show(f"session {bras.session_of(user)['ifname']}")["auth"]


@MODES
@pytest.mark.parametrize("protocol", ["pap", "mschap"])
def test_online(start_bras, subscribe, protocol, userspace):
    """All four are offered, best first; the client refuses until its only one is named."""
    bras = start_bras(protocols=ALL)
    alice = subscribe(authentication=protocol, userspace=userspace).connect()
    alice.wait_ppp(f"primary   DNS address {NAME_SERVER}")
    assert method_of(bras, "alice") == NAMES[protocol]
    for target in (GATEWAY, CoreHost.address):
        assert "5 received" in alice.ping(target)
    alice.hang_up()
    bras.wait_everything_returned()
    assert "wonderland" not in bras.log


@pytest.mark.parametrize("protocol, said", [("pap", "PAP authentication failed"), ("mschap", "E=691")])
def test_wrong_password(start_bras, subscribe, protocol, said):
    bras = start_bras(protocols=[protocol])
    alice = subscribe(password="not this one", authentication=protocol).dial()
    alice.wait_ppp(said)
    alice.wait_ended()
    bras.wait_log("authentication failed")
    bras.wait_everything_returned()


@pytest.mark.parametrize("protocol", ALL)
def test_domain_before_the_name(start_bras, subscribe, protocol):
    r"""CORP\alice is alice; RFC 2759 8.2 leaves the domain out of the hash."""
    bras = start_bras(protocols=[protocol])
    alice = subscribe(user=r"CORP\\alice", authentication=protocol).connect()
    assert method_of(bras, r"CORP\alice") == NAMES[protocol]
    assert "5 received" in alice.ping(GATEWAY)


def test_challenged_again(start_bras, subscribe):
    """A session that is up proves itself every two seconds, and nothing else happens to it."""
    bras = start_bras(change=[('mode = [ "local" ];', 'mode = [ "local" ]; interval = 2;')])
    alice = subscribe(authentication="mschap-v2").connect()
    address = alice.address
    bras.wait_log(r"send \[CHAP Success id=4 ")
    assert bras.session_of("alice")["ip"] == address
    assert "5 received" in alice.ping(GATEWAY)
    assert len(re.findall("authentication succeeded", bras.log)) == 1


def test_session_timeout(start_bras, subscribe):
    """Traffic does not prolong it."""
    bras = start_bras(extra="session-timeout = 5;")
    alice = subscribe().connect()
    alice.ping(GATEWAY, count=50, check=False)
    alice.wait_ppp("LCP terminated by peer (session time is over)")
    alice.wait_ended()
    bras.wait_log("ended: session time is over .*time=5s")
    bras.wait_everything_returned()


def test_idle_timeout(start_bras, subscribe):
    """Pings keep the session, LCP echo of both sides does not."""
    bras = start_bras(extra="idle-timeout = 4;", echo_interval=1)
    alice = subscribe(ppp_options="lcp-echo-interval 1\nlcp-echo-failure 9").connect()
    for _ in range(6):
        alice.ping(GATEWAY)
    assert bras.session_of("alice")
    alice.wait_ppp("LCP terminated by peer (idle for too long)")
    bras.wait_log("ended: idle for too long")
    bras.wait_everything_returned()


@pytest.mark.parametrize("keys", ["keepalive-timeout = 2;", "lcp-echo-timeout = 5;"])
def test_client_vanishes(start_bras, subscribe, keys):
    """The other two ways to find a dead peer out; a live one stays, though it is silent for longer than both."""
    bras = start_bras(echo_interval=2, change=[("ppp-options = {", f"ppp-options = {{ {keys}")])
    alice = subscribe(ppp_options="lcp-echo-interval 0").connect()
    bob = subscribe("bob", user="bob", password="builder", ppp_options="lcp-echo-interval 0").connect()
    alice.crash()
    bras.wait_log("alice: ended: no answer to LCP echo", timeout_s=30)
    assert bras.session_of("bob")
    assert "5 received" in bob.ping(GATEWAY)
