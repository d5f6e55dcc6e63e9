"""A subscriber dials in, or is refused and sees why."""
import time

import pytest

from bras import GATEWAY, NAME_SERVER
from core_host import CoreHost
from network import ACCESS_BRAS
from subscriber import REFERENCE_SETUP_S
from wait import LabError

MODES = pytest.mark.parametrize("userspace", [False, True], ids=["kernel", "userspace"])
PROTOCOLS = pytest.mark.parametrize("protocol", ["chap", "mschap-v2"])


@pytest.mark.asan
@MODES
@PROTOCOLS
def test_online(bras, subscribe, protocol, userspace):
    """Online with the only method that the client accepts, in kernel and in userspace mode; five of five pings."""
    alice = subscribe(authentication=protocol, userspace=userspace).connect()
    assert alice.address.startswith("10.78.1.")
    alice.wait_ppp(f"primary   DNS address {NAME_SERVER}")
    for target in (GATEWAY, CoreHost.address):
        assert "5 received" in alice.ping(target)

    session = bras.session_of("alice")
    assert session["ip"] == alice.address
    assert session["type"] == "l2tp"
    assert session["ifname"] == "l2tp0"
    assert alice.guest.address in session["calling-sid"]
    assert int(session["rx-bytes"]) > 0 and int(session["tx-bytes"]) > 0

    alice.hang_up()
    bras.wait_everything_returned()


@pytest.mark.asan
def test_data_with_length_bit(bras, subscribe):
    """RFC 2661 3.1: data messages with the L bit, which xl2tpd sends in userspace mode."""
    alice = subscribe(userspace=True, length_bit=True).connect()
    assert "5 received" in alice.ping(CoreHost.address)


@PROTOCOLS
def test_wrong_password(bras, subscribe, protocol):
    alice = subscribe(password="not this one", authentication=protocol).dial()
    alice.wait_ppp("CHAP authentication failed")
    if protocol == "mschap-v2":
        assert "E=691" in alice.ppp_log, "RFC 2759 6: 691 is what a client shows as a wrong user name or password"
    alice.wait_ended()
    bras.wait_log("authentication failed")
    bras.wait_everything_returned()


def test_unknown_user(bras, subscribe):
    """Nothing tells the client that the name, not the password, is wrong."""
    nobody = subscribe(user="mallory").dial()
    nobody.wait_ppp("CHAP authentication failed")
    nobody.wait_ended()
    bras.wait_everything_returned()


def test_no_common_authentication(start_bras, subscribe):
    """The client refuses the only method of ours: it sees the negotiation fail, and nothing stays."""
    bras = start_bras(protocols=["chap"])
    alice = subscribe(authentication="mschap-v2").dial()
    alice.wait_ended()
    assert alice.address is None
    bras.wait_everything_returned()


@pytest.mark.asan
def test_right_tunnel_secret(start_bras, subscribe):
    """Both ends challenge each other (RFC 2661 5.1.1)."""
    start_bras(tunnel_secret="wholesale")
    alice = subscribe(tunnel_secret="wholesale").connect()
    assert "5 received" in alice.ping(GATEWAY)


@pytest.mark.parametrize("challenge", [True, False], ids=["client-checks-first", "we-check"])
def test_wrong_tunnel_secret(start_bras, subscribe, access_wire, challenge):
    """No tunnel; whoever finds the wrong response says StopCCN."""
    bras = start_bras(tunnel_secret="wholesale")
    alice = subscribe(tunnel_secret="something else", challenge=challenge).dial()
    stop = access_wire.wait_for("*MSGTYPE(StopCCN)", "udp port 1701")
    sender = alice.guest.address if challenge else ACCESS_BRAS
    assert f"{sender}." in stop.split(" > ")[0]
    assert alice.address is None and bras.sessions() == []
    bras.wait_everything_returned()


@pytest.mark.asan
def test_redial_from_the_same_port(start_bras, subscribe):
    """A client that crashed dials in again at once from port 1701; its lost session ends by LCP echo."""
    bras = start_bras(echo_interval=1, echo_failure=2)
    subscribe(port=1701).connect().crash()
    again = subscribe(port=1701).connect()
    assert "5 received" in again.ping(GATEWAY)
    bras.wait_sessions(1)
    again.hang_up()
    bras.wait_everything_returned()


@MODES
def test_clean_set_up_needs_no_retransmission(bras, subscribe, userspace, measured):
    """None of our retransmission timers fires while nothing is lost, though pppd misses a first ConfReq."""
    began = time.monotonic()
    subscribe(userspace=userspace).connect()
    seconds = time.monotonic() - began
    statistics = bras.show("statistics")
    assert bras.dropped("L2TP_SESSION") == 0, "a frame of pppd came before the worker knew the session"
    assert statistics["ppp"]["retransmits"] == 0
    assert statistics["l2tp"]["tx-retransmit"] == 0
    measured(f"set-up in {seconds:.1f} s from xl2tpd's start to an address; the reference needs {REFERENCE_SETUP_S} s")


@pytest.mark.asan
def test_lossy_wire(bras, subscribe, measured):
    """15 of 100 packets from the client are lost, the others are late and out of order: online all the same."""
    alice = subscribe()
    alice.guest.run("modprobe sch_netem; tc qdisc add dev vec0 root netem loss 15% delay 20ms 5ms")
    try:
        alice.connect(timeout_s=60)
        statistics = bras.show("statistics")
        measured(f"with 15 % loss: {statistics['ppp']['retransmits']} frames of PPP and "
                 f"{statistics['l2tp']['tx-retransmit']} messages of L2TP were sent again")
        assert " 0 received" not in alice.ping(GATEWAY, count=10, check=False)
    finally:
        alice.guest.run("tc qdisc del dev vec0 root")
    alice.hang_up()
    bras.wait_everything_returned()


def test_address_pool_runs_out(start_bras, subscribe):
    """The second subscriber of a pool with one address is refused; the first stays."""
    bras = start_bras(change=[("10.78.1.0/24", "10.78.1.7-10.78.1.7")])
    alice = subscribe("alice").connect()
    assert alice.address == "10.78.1.7"
    bob = subscribe("bob", user="bob", password="builder").dial()
    bras.wait_log("no address left")
    bob.wait_ended()
    assert "5 received" in alice.ping(GATEWAY)
    with pytest.raises(LabError):
        bob.up(timeout_s=1)
