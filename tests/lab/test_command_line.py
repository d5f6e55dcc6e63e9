"""What the operator sees with `millrace`."""
import pytest

from bras import GATEWAY
from core_host import CoreHost


@pytest.mark.asan
def test_every_show_is_json(bras, subscribe):
    subscribe().connect()
    for what in ("sessions", "drops", "ports", "tunnels", "pools", "stages"):
        rows = bras.show(what)
        assert isinstance(rows, list) and all(isinstance(row, dict) for row in rows), what
    for what in ("statistics", "session l2tp0"):
        assert isinstance(bras.show(what), dict), what


def test_tables_for_people(bras, subscribe):
    alice = subscribe().connect()
    table = bras.cli("show sessions").stdout
    assert "username" in table.splitlines()[0]
    assert alice.address in table
    chosen = bras.cli("show sessions username,ip").stdout
    assert "alice" in chosen and "uptime" not in chosen
    assert alice.address not in bras.cli("show sessions match username ^bob$").stdout


def test_prefixes_of_words(bras):
    assert bras.cli("sho stati").stdout.splitlines()[0] == bras.cli("show statistics").stdout.splitlines()[0]


def test_unknown_command(bras):
    result = bras.cli("frobnicate", check=False)
    assert result.returncode != 0 and result.stdout


def test_no_daemon(bras):
    bras.stop()
    result = bras.cli("show sessions", check=False)
    assert result.returncode != 0 and bras.socket in result.stdout


@pytest.mark.asan
def test_counters_of_a_session(bras, subscribe):
    """Octets as a subscriber counts them, both ways (RFC 2866 5.3: input is what came from the subscriber)."""
    alice = subscribe().connect()
    before = bras.session_of("alice")
    alice.ping(CoreHost.address, count=5, options="-s 1000")
    after = bras.session_of("alice")
    for counter in ("rx-bytes", "tx-bytes"):
        assert int(after[counter]) - int(before[counter]) >= 5 * 1000, counter


@pytest.mark.asan
def test_statistics_after_all_have_gone(bras, subscribe):
    """Every pool back to zero."""
    subscribers = [subscribe("alice").connect(), subscribe("bob", user="bob", password="builder").connect()]
    now = bras.show("statistics")
    assert now["sessions"]["active"] == 2
    assert sum(pool["used"] for pool in now["pools"] if pool["name"] == "home") == 2
    for one in subscribers:
        one.ping(GATEWAY, count=1)
        one.hang_up()
    bras.wait_everything_returned()
    assert bras.show("tunnels") == []
