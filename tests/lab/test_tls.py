"""Our TCP and TLS as the world's own programs see them: openssl's client.  For scanners see the SSTP tests."""
import os
import time

import pytest

import tls_echo
from processes import run
from tls_echo import ADDRESS, LEGACY_PORT, PORT, Talk, TlsEcho, Transfer
from tls_scans import AEAD, CBC, TLS13

MB = 1 << 20


@pytest.fixture(scope="module")
def echo():
    why = tls_echo.missing()
    if why:
        pytest.skip(why)
    made = TlsEcho()
    yield made
    made.close()


def options(suite):
    return ("-tls1_3", "-ciphersuites", suite) if suite in TLS13 else ("-tls1_2", "-cipher", suite)


def moves(echo, total, *words, port=PORT):
    began = time.monotonic()
    assert Transfer(echo, total, *words, port=port).equal
    print(f"{total >> 20} MiB there and back, {' '.join(words)}: {time.monotonic() - began:.1f} s")


@pytest.mark.parametrize("suite", TLS13 + AEAD + CBC)
def test_every_suite_moves_data(echo, suite):
    """Both ways at once, each byte compared; s_client checks the certificate."""
    moves(echo, 8 * MB if suite in CBC else 32 * MB, *options(suite))


@pytest.mark.long
@pytest.mark.parametrize("suite", TLS13 + AEAD + CBC)
def test_every_suite_moves_a_gigabyte(echo, suite):
    moves(echo, 1 << 30, *options(suite))


def test_a_gigabyte(echo):
    """The largest of what a day's transfer is made of; with every suite: --long."""
    moves(echo, 1 << 30, "-tls1_3")


@pytest.mark.parametrize("suite", (TLS13[0], AEAD[2], CBC[0]))
def test_loss_delay_and_reordering(suite):
    """What the wire does to segments is no matter of the records in them: 20 ms, 1 % lost and 5 % overtaking, each way."""
    why = tls_echo.missing()
    if why:
        pytest.skip(why)
    echo = TlsEcho(wire="20,1,5")
    try:
        moves(echo, 4 * MB, *options(suite))
    finally:
        echo.close()


@pytest.mark.parametrize("version", ("-tls1", "-tls1_1"))
def test_old_versions_on_the_legacy_listener_alone(echo, version):
    old = (version, "-cipher", "ALL:@SECLEVEL=0")
    moves(echo, MB, *old, port=LEGACY_PORT)
    refused = run(echo.client(*old), check=False).stdout
    assert "alert protocol version" in refused, refused


@pytest.mark.parametrize("version", ("-tls1_2", "-tls1_3"))
def test_sessions_resume(echo, version, tmp_path):
    session = str(tmp_path / "session")
    with open(tmp_path / "hello", "w") as file:
        file.write("hello\n")

    def dial(*words):
        # The echo of a line has come: so have the tickets in front of it.
        with open(tmp_path / "hello") as hello:
            return run(["timeout", "3", *echo.client(version, "-ign_eof", *words)], stdin=hello, check=False).stdout

    assert "New, " in dial("-sess_out", session)
    assert os.path.exists(session)
    again = dial("-sess_in", session)
    assert "Reused, " in again and "hello" in again, again


def test_an_unknown_ca_is_named(echo):
    run(echo.namespace.argv(["openssl", "s_client", "-connect", f"{ADDRESS}:{PORT}", "-verify_return_error"]), check=False)
    assert "alert from the peer: alert unknown_ca" in echo.log


@pytest.mark.parametrize("suite", TLS13)
def test_keys_are_updated_both_ways(echo, suite):
    """s_client renews its key and asks for ours (K): it hears our KeyUpdate before what comes after, which is under the new keys."""
    talk = Talk(echo, *options(suite))
    for n in range(3):
        talk.say(f"line {n}", f"\nline {n}\n")
        talk.say("K", ">>> TLS 1.3, Handshake [length 0005], KeyUpdate")
        talk.say(f"under the new keys {n}", f"\nunder the new keys {n}\n")
        assert talk.heard.count("<<< TLS 1.3, Handshake [length 0005], KeyUpdate") == n + 1
    talk.close()


def test_renegotiation_is_refused(echo):
    talk = Talk(echo, *options(AEAD[0]))
    talk.say("before", "\nbefore\n")
    talk.say("R", "warning no_renegotiation")
    talk.close()
