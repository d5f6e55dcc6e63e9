"""The configuration file read again under live sessions, by command and by SIGHUP."""
import os
import signal

import pytest

from bras import GATEWAY, config

CAROL = '{ username = "bob"; password = "builder"; }, { username = "carol"; password = "new"; }'
BOB = '{ username = "bob"; password = "builder"; }'


def rewrite(bras, *changes, **settings):
    bras.write_config(config(bras.socket, change=changes, **settings))


@pytest.mark.asan
def test_users_and_pools(bras, subscribe):
    """A new user comes in and gets an address of the new pool; who is online notices nothing."""
    alice = subscribe().connect()
    rewrite(bras, (BOB, CAROL), ("10.78.1.0/24", "10.79.3.0/24"))
    assert "3 users" in bras.cli("reload").stdout
    carol = subscribe("bob", user="carol", password="new").connect()
    assert carol.address.startswith("10.79.3.")
    for subscriber in (alice, carol):
        assert "5 received" in subscriber.ping(GATEWAY)
    assert bras.session_of("alice")["ip"] == alice.address
    alice.hang_up()
    assert subscribe().connect().address.startswith("10.79.3.")
    carol.hang_up()


@pytest.mark.asan
def test_by_signal(bras, subscribe):
    """SIGHUP; a user who is gone from the file stays until he hangs up, and does not come in again."""
    bob = subscribe("bob", user="bob", password="builder").connect()
    rewrite(bras, (",\n\t\t" + BOB, ""))
    os.kill(bras.pid, signal.SIGHUP)
    bras.wait_log("reloaded .*1 users")
    assert "5 received" in bob.ping(GATEWAY)
    bob.hang_up()
    again = subscribe("bob", user="bob", password="builder").dial()
    again.wait_ended()
    bras.wait_log("authentication failed \\(local\\): no such user")
    bras.wait_everything_returned()


@pytest.mark.asan
@pytest.mark.parametrize("change, says", [
    (('default-pool = "home";', 'default-pool = "hoem";'), 'default-pool: is "hoem", expected the name of a'),
    (("gateway-address", "gateway-adress"), "gateway-adress: unknown key"),
    (('name = "access";', 'name = "access"; mtu = 1400;'), "interfaces[0].mtu: is not what runs: that takes a restart"),
], ids=["wrong", "unknown", "restart"])
def test_refused(bras, subscribe, change, says):
    """File, line and key; all goes on as before."""
    alice = subscribe().connect()
    rewrite(bras, (BOB, CAROL), change)
    answer = bras.cli("reload", check=False)
    assert answer.returncode == 1
    assert f"{bras.config_path}:" in answer.stdout and says in answer.stdout, answer.stdout
    bras.wait_log("not reloaded: ")
    assert "5 received" in alice.ping(GATEWAY)
    carol = subscribe("bob", user="carol", password="new").dial()
    carol.wait_ended()
    assert subscribe("bob", user="bob", password="builder").connect()


def test_tunnel_secret(bras, subscribe):
    """The tunnels that are up stay; new ones must know the new secret."""
    alice = subscribe().connect()
    rewrite(bras, tunnel_secret="wholesale")
    bras.cli("reload")
    assert "5 received" in alice.ping(GATEWAY)
    assert subscribe("bob", user="bob", password="builder", tunnel_secret="wholesale").connect()
