"""Every way to end leaves nothing behind, and each side learns of it."""
import pytest

from bras import GATEWAY, STOP_TIMEOUT_S
from network import ACCESS_BRAS

FROM_BRAS = f"udp src port 1701 and src host {ACCESS_BRAS}"


@pytest.fixture
def impatient_bras(start_bras):
    """Finds a dead subscriber within seconds."""
    return start_bras(echo_interval=1, echo_failure=2)


def assert_clean_leave(subscriber, wire):
    """pppd saw an LCP Terminate-Request and could answer, then xl2tpd saw the CDN."""
    subscriber.wait_ppp("LCP terminated by peer")
    subscriber.wait_ppp("sent [LCP TermAck")
    wire.wait_for("*MSGTYPE(CDN)", FROM_BRAS)


@pytest.mark.asan
def test_terminate(bras, subscribe, access_wire):
    alice = subscribe().connect()
    assert "1" in bras.cli("terminate username alice").stdout
    assert_clean_leave(alice, access_wire)
    assert 'LCP terminated by peer (terminated by the operator)' in alice.ppp_log
    bras.wait_log("ended: terminated by the operator")
    bras.wait_everything_returned()


def test_terminate_by_each_name(bras, subscribe):
    """All that an operator may know a session by."""
    for by in ("ip {ip}", "if {ifname}", "sid {sid}", "csid {calling-sid}", "match username ^ali", "all"):
        alice = subscribe().connect()
        words = by.format(**bras.session_of("alice"))
        assert "1" in bras.cli(f"terminate {words}").stdout, words
        bras.wait_everything_returned()
        alice.stop()


def test_terminate_hard(bras, subscribe, access_wire):
    """Hard does not wait for the peer; the client is still told by CDN."""
    alice = subscribe().connect()
    bras.cli("terminate username alice hard")
    access_wire.wait_for("*MSGTYPE(CDN)", FROM_BRAS)
    alice.wait_l2tp("terminated by the operator")
    bras.wait_everything_returned()


def test_terminate_tunnel(bras, subscribe, access_wire):
    alice = subscribe().connect()
    tunnel = bras.show("tunnels")[0]
    bras.cli(f"terminate tunnel {tunnel['id']}")
    access_wire.wait_for("*MSGTYPE(StopCCN)", FROM_BRAS)
    alice.wait_l2tp("Connection closed")
    bras.wait_everything_returned()
    assert bras.show("tunnels") == []


def test_terminate_nobody(bras):
    assert bras.cli("terminate username alice", check=False).returncode == 1


@pytest.mark.asan
def test_subscriber_hangs_up(bras, subscribe):
    subscribe().connect().hang_up()
    bras.wait_log("peer terminated the link")
    bras.wait_everything_returned()


def test_client_programs_killed(impatient_bras, subscribe):
    """Nobody says good-bye: the LCP echo finds out."""
    subscribe().connect().crash()
    impatient_bras.wait_log("no answer to LCP echo")
    impatient_bras.wait_everything_returned()


@pytest.mark.asan
def test_guest_killed(impatient_bras, lab, subscribe):
    """As if its plug were pulled; the address goes back to the pool and to the next subscriber."""
    lab.boot_guest("carol", 13).booted()
    carol = subscribe("carol").connect()
    carol.guest.cut_power()
    impatient_bras.wait_log("no answer to LCP echo")
    impatient_bras.wait_everything_returned()
    assert impatient_bras.sessions() == []


@pytest.mark.asan
def test_sigterm_takes_leave(bras, subscribe, access_wire, measured):
    """LCP Terminate, CDN and StopCCN to everyone, then status 0, within a bound."""
    subscribers = [subscribe("alice").connect(), subscribe("bob", user="bob", password="builder").connect()]
    seconds = bras.stop(STOP_TIMEOUT_S)
    measured(f"SIGTERM with two sessions: ended in {seconds:.1f} s")
    for one in subscribers:
        assert_clean_leave(one, access_wire)
    access_wire.wait_for("*MSGTYPE(StopCCN)", FROM_BRAS)


@pytest.mark.asan
def test_sigterm_with_a_dead_subscriber(bras, subscribe, measured):
    """A peer that answers nothing does not hold the daemon up beyond the bound."""
    subscribe().connect().crash()
    measured(f"SIGTERM with a dead subscriber: ended in {bras.stop(STOP_TIMEOUT_S):.1f} s")


def test_shutdown_command(bras, subscribe, access_wire):
    alice = subscribe().connect()
    bras.cli("shutdown")
    assert_clean_leave(alice, access_wire)
    assert bras.wait_end(STOP_TIMEOUT_S) == 0


def test_shutdown_soft_refuses_new_sessions(bras, subscribe):
    """Who is online stays; a new call is refused; cancel takes it back."""
    alice = subscribe().connect()
    bras.cli("shutdown soft")
    refused = subscribe("bob", user="bob", password="builder").dial()
    refused.wait_l2tp("Connection closed")
    assert "5 received" in alice.ping(GATEWAY)
    bras.cli("shutdown cancel")
    subscribe("bob", user="bob", password="builder").connect()


def test_five_times_in_and_out(bras, subscribe):
    """Nothing is lost by coming and going."""
    for _ in range(5):
        subscribe(userspace=True).connect().hang_up()
    bras.wait_everything_returned()


@pytest.mark.asan
def test_newer_session_of_a_user_replaces_the_older(start_bras, subscribe):
    bras = start_bras(extra='single-session = "replace";')
    first = subscribe("alice").connect()
    second = subscribe("bob", user="alice").connect()
    first.wait_ppp("LCP terminated by peer (logged in elsewhere)")
    bras.wait_sessions(1)
    assert "5 received" in second.ping(GATEWAY)


def test_second_session_of_a_user_is_denied(start_bras, subscribe):
    bras = start_bras(extra='single-session = "deny";')
    first = subscribe("alice").connect()
    second = subscribe("bob", user="alice").dial()
    second.wait_ended()
    assert second.address is None
    assert "5 received" in first.ping(GATEWAY)
    bras.wait_sessions(1)


@pytest.mark.long
@pytest.mark.asan
def test_soak(impatient_bras, subscribe):
    """Every third client crashes; the daemon uses no more memory at the end than after the first round."""
    def round_of_sessions():
        for number in range(30):
            alice = subscribe(userspace=bool(number % 2)).connect()
            alice.crash() if number % 3 == 0 else alice.hang_up()
        impatient_bras.wait_everything_returned(60)
        return impatient_bras.resident_bytes()

    first = round_of_sessions()
    for _ in range(9):
        last = round_of_sessions()
    assert last - first < 8 << 20, f"from {first} to {last} bytes"
