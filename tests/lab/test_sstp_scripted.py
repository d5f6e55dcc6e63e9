"""What no packaged SSTP client does: a client of the tests' own, wrong, old, slow or just different."""
import os
import re
import shutil
import socket
import ssl
import struct
import time

import pytest

import tls_scans
from bras import GATEWAY, Bras, missing
from certificate import Certificate
from core_host import CoreHost
from network import ACCESS_BRAS
from processes import run
from relay import proxy_header
from sstp_client import (ABORT, CCP, CONF_REQ, LCP, PROTO_REJ, SCRIPTED, SCRIPTED6, ancient, call_connected, data,
                         echo_request, option, trusting)
from wait import wait_until

PROXY_PORT, LEGACY_PORT = 8443, 8444
BRAS6 = "fd77::2"
LISTEN = ('listen = [ "0.0.0.0:443", "[::]:443" ]; proxy-listen = [ "0.0.0.0:8443", "[::]:8443" ];'
          f' proxy-from = [ "{SCRIPTED}/32", "{SCRIPTED6}/128" ]; legacy-listen = [ "0.0.0.0:8444" ];')
NETWORK = [(f'"{ACCESS_BRAS}/24"', f'"{ACCESS_BRAS}/24", "{BRAS6}/64"'),
           ("routes = (", f'routes = ( {{ table = "access"; prefix = "198.18.0.0/15"; via = "{SCRIPTED}"; }},')]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(str(tmp_path_factory.mktemp("certificate")))


def settings(certificate, sstp="", change=(), **others):
    section = (f'sstp = {{ {LISTEN} certificate = "{certificate.certificate}";'
               f' private-key = "{certificate.key}"; {sstp} }};')
    return {"protocols": ("pap", "chap"), "extra": section, "change": [*NETWORK, *change], **others}


@pytest.fixture(scope="module")
def daemon(lab, certificate):
    """One daemon for most of the file, with listeners of every kind."""
    why = missing()
    if why:
        pytest.skip(why)
    one = Bras(lab, **settings(certificate))
    try:
        yield one.start()
        if one.running:
            one.stop()
    finally:
        one.kill()


@pytest.fixture
def bras(daemon, dial_scripted):
    """The daemon that is shared: as if it were new."""
    daemon.wait_everything_returned(30)
    daemon.log_from_here()
    return daemon


@pytest.fixture
def dial(dial_scripted):
    return dial_scripted


# --- the crypto binding

def aborted(bras, client):
    """The daemon ends the client's call for that reason, says so to both sides, and keeps nothing of it."""
    bras.wait_log(r"sstp\d+.* ended: crypto binding is wrong")
    client.wait_control(ABORT)
    client.close()
    bras.wait_everything_returned()


def flip(message, at):
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1:]


TAMPERED = {
    "nonce": (lambda m: flip(m, 16), "its nonce is not ours"),
    "certificate": (lambda m: flip(m, 48), "its certificate is not the one shown on this connection"),
    "mac": (lambda m: flip(m, 80), "its MAC does not match the keys"),
    "last-byte": (lambda m: flip(m, 111), "its MAC does not match the keys"),
}


@pytest.mark.asan
@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
@pytest.mark.parametrize("what", TAMPERED)
def test_tampered_binding(bras, dial, what, algorithm):
    """The call ends, and the log says what was wrong."""
    change, reason = TAMPERED[what]
    client = dial().handshake().call()
    client.lcp()
    assert client.authenticate()
    client.send(change(call_connected(client.nonce, client.certificate, algorithm=algorithm)))
    bras.wait_log(f"crypto binding refused: {reason}")
    aborted(bras, client)


@pytest.mark.asan
def test_binding_of_other_keys(bras, dial):
    """Right in form, made with keys that this authentication does not give."""
    client = dial().handshake().call()
    client.lcp()
    assert client.authenticate()
    client.connected(hlak=bytes(31) + b"\1")
    bras.wait_log("crypto binding refused: its MAC does not match the keys")
    aborted(bras, client)


@pytest.mark.asan
@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
@pytest.mark.parametrize("chap", [False, True], ids=["pap", "chap"])
@pytest.mark.parametrize("bound", ["early", "late"])
def test_online(bras, dial, bound, chap, algorithm):
    """Call Connected before and after IPCP; no packet passes before it; CHAP with MD5 end to end."""
    before = bras.show("statistics")["tcp"]
    client = dial().online(bound=bound, chap=chap, algorithm=algorithm)
    client.reach(GATEWAY)
    assert client.ping(GATEWAY) == 3 and client.ping(CoreHost.address) == 3
    session = bras.session_of("alice")
    assert session["ip"] == client.address and session["calling-sid"].startswith(SCRIPTED)
    tcp = bras.show("statistics")["tcp"]
    assert tcp["opened-passive"] == before["opened-passive"] + 1 and tcp["opened-active"] == 0
    assert tcp["segments-in"] > before["segments-in"] + 5 and tcp["segments-out"] > before["segments-out"] + 5


@pytest.mark.asan
def test_ccp_is_rejected(bras, dial):
    """TLS encrypts already: whoever asks for MPPE is told that there is no such protocol, and goes on without."""
    client = dial().online()
    client.say(CCP, CONF_REQ, 77, option(18, struct.pack("!I", 0x01000040)))
    rejected = client.hear(LCP, PROTO_REJ)[3]
    assert rejected[:4] == struct.pack("!HBB", CCP, CONF_REQ, 77)
    assert client.ping(GATEWAY) == 3


def test_mppe_is_a_mistake_in_the_configuration(lab, certificate):
    checked = Bras(lab, **settings(certificate, 'ppp-options = { mppe = "require"; };')).check()
    assert checked.returncode == 1
    assert 'sstp.ppp-options.mppe: is "require", expected "deny": TLS encrypts SSTP' in checked.stdout


# --- who connects, and where

@pytest.mark.asan
def test_ipv6_listener(bras, dial):
    client = dial(BRAS6).online()
    assert client.ping(GATEWAY) == 3 and client.ping(CoreHost.address) == 3
    assert bras.session_of("alice")["calling-sid"].startswith(SCRIPTED6)


@pytest.mark.asan
@pytest.mark.parametrize("source,target", [("198.51.100.77", "198.51.100.1"), ("2001:db8::77", "2001:db8::1")],
                         ids=["v4", "v6"])
@pytest.mark.parametrize("server", [ACCESS_BRAS, BRAS6], ids=["over-v4", "over-v6"])
def test_behind_a_proxy(bras, dial, source, target, server):
    """Who the balancer says it is: in the sessions' table and for RADIUS."""
    client = dial(server, PROXY_PORT, first=proxy_header((source, 5555), (target, 443))).online()
    session = bras.session_of("alice")
    assert session["calling-sid"].startswith(source) and session["called-sid"].startswith(target)
    assert source in bras.cli("show sessions username,calling-sid").stdout
    assert client.ping(GATEWAY) == 3


@pytest.mark.asan
def test_proxy_header_in_pieces(bras, dial):
    """A byte a segment."""
    client = dial(ACCESS_BRAS, PROXY_PORT, segments=each_byte)
    client.write(proxy_header(("198.51.100.77", 5555), ("198.51.100.1", 443)))
    client.segments = None
    client.online()
    assert bras.session_of("alice")["calling-sid"].startswith("198.51.100.77")


@pytest.mark.asan
def test_proxy_header_where_none_belongs(bras, dial):
    """The other way round too: a listener for a balancer takes nobody who has none in front."""
    with pytest.raises((ssl.SSLError, OSError)):
        dial(first=proxy_header(("198.51.100.77", 5555), ("198.51.100.1", 443))).handshake()
    bras.wait_log("sstp: TLS with 10.77.0.99:.* failed: what the peer sends is not TLS")
    with pytest.raises((ssl.SSLError, OSError)):
        dial(ACCESS_BRAS, PROXY_PORT).handshake()
    assert not bras.sessions()
    dial().online()


# --- TLS

@pytest.mark.asan
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python's own about TLS 1.0
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_client_on_the_legacy_listener_alone(bras, dial, version):
    """Windows 7 has nothing better than TLS 1.0.  The default listener refuses, with the reason on both sides."""
    client = dial(ACCESS_BRAS, LEGACY_PORT, context=ancient(version)).online()
    assert client.version == version.name.replace("_", ".").replace("v1.0", "v1")
    assert client.ping(GATEWAY) == 3 and client.ping(CoreHost.address, size=1300) == 3
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        dial(context=ancient(version)).handshake()
    bras.wait_log("sstp: TLS with 10.77.0.99:.* failed: no TLS version in common")


@pytest.mark.asan
def test_new_certificate(bras, dial, certificate):
    """Read again under a session: that one stays, bound to the old certificate; the next one is shown the new one.
    A file that is wrong changes nothing."""
    old = dial().online()
    with open(certificate.key) as file:
        old_key = file.read()
    Certificate(os.path.dirname(certificate.key))
    assert "reloaded" in bras.cli("reload").stdout
    assert old.ping(GATEWAY) == 3
    new = dial().online()
    assert new.certificate != old.certificate
    with open(certificate.certificate) as file:
        assert new.certificate == ssl.PEM_cert_to_DER_cert(file.read())
    with open(certificate.key) as file:
        new_key = file.read()
    with open(certificate.key, "w") as file:
        file.write(old_key)
    refused = bras.cli("reload", check=False)
    assert refused.returncode == 1 and certificate.key in refused.stdout, refused.stdout
    with open(certificate.key, "w") as file:
        file.write(new_key)
    third = dial().online()
    assert third.certificate == new.certificate
    for client in (old, new, third):
        assert client.ping(GATEWAY) == 3


def test_tickets_outlive_a_reload(bras, lab, tmp_path, certificate):
    """But not a new certificate: SSTP is bound to the one that is shown, and who resumes is shown none."""
    def dial(how):
        return run(["timeout", "10", *lab.access.argv([
            "openssl", "s_client", "-connect", f"{ACCESS_BRAS}:443", "-tls1_2", how, str(tmp_path / "session")])], check=False).stdout

    assert "New, " in dial("-sess_out")
    assert "Reused, " in dial("-sess_in")
    bras.cli("reload")
    assert "Reused, " in dial("-sess_in")
    Certificate(os.path.dirname(certificate.key))
    bras.cli("reload")
    assert "New, " in dial("-sess_in")


@pytest.mark.asan
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_alert_of_the_client_is_named(bras, dial, certificate, version):
    """Unknown CA; bad certificate, which is OpenSSL's word for another name: with whom and for which server name."""
    for name, trust, alert in (("vpn.example.net", None, "unknown_ca"),
                               ("other.example.net", certificate.certificate, "bad_certificate")):
        context = ssl.create_default_context(cafile=trust)
        context.minimum_version = context.maximum_version = version
        context.check_hostname = trust is not None
        client = dial(context=context, server_name=name)
        port = client.socket.getsockname()[1]
        with pytest.raises(ssl.SSLCertVerificationError):
            client.handshake()
        bras.wait_log(rf"sstp: TLS with 10\.77\.0\.99:{port} failed: alert from the peer: {alert} server-name={name}")


# --- records and segments

def each_byte(wire):
    return [wire[i:i + 1] for i in range(len(wire))]


@pytest.mark.asan
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_byte_a_segment(bras, dial, version):
    """From the ClientHello to an answered ping."""
    client = dial(context=trusting(maximum_version=version), segments=each_byte).online()
    assert client.ping(GATEWAY, count=1) == 1
    assert client.segments_sent() > 1000


@pytest.mark.asan
def test_two_records_a_segment(bras, dial):
    """The HTTP request with the Finished, the message with the first PPP frame, and pings by two."""
    client = dial().online()
    pings = [client.seal(data(b"\xff\x03\0\x21" + echo_request(client.address, GATEWAY, n))) for n in range(20)]
    before = client.segments_sent()
    for first, second in zip(pings[::2], pings[1::2]):
        client.write(first + second)
    assert client.echoes(20) == 20
    assert client.segments_sent() - before <= 10 + 20  # our Echo answers, and what had to be sent again


@pytest.mark.asan
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_record_of_16_kib(bras, dial, version):
    """The largest that there may be: packets in it, and one that ends in the record after it."""
    client = dial(context=trusting(maximum_version=version)).online()
    stream = b"".join(data(b"\xff\x03\0\x21" + echo_request(client.address, GATEWAY, n, 1300)) for n in range(25))
    record = client.seal(stream[:16384])
    assert record[3:5] >= struct.pack("!H", 16384)
    client.write(record)
    client.write(client.seal(stream[16384:32768]))
    client.write(client.seal(stream[32768:]))
    assert client.echoes(25) == 25


# --- a flood

SYN_FLOOD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "syn_flood.py")


def flood(lab, rate):
    """SYNs to the default listener at that rate, of sources that do not exist; 0: as many as this host can make."""
    with lab.access.inside(), socket.socket() as probe:
        probe.connect((ACCESS_BRAS, 443))  # now there is a MAC address
    mac = re.search(r"lladdr (\S+)", lab.access.run(f"ip neigh show {ACCESS_BRAS}"))[1]
    program = lab.processes.start("flood", lab.access.argv(
        ["/usr/bin/python3", SYN_FLOOD, "br-acc", mac, ACCESS_BRAS, "443", str(rate)]))
    wait_until("the flood", lambda: "ready" in program.log)
    return program


def port_packets(bras, which="rx-packets"):
    return next(int(row[which]) for row in bras.show("ports") if row["name"] == "p0")


def rate_of(bras, seconds=2):
    """Packets a second that the access port takes in."""
    began, before = time.monotonic(), port_packets(bras)
    wait_until("so many seconds", lambda: time.monotonic() > began + seconds, seconds + 10)
    return (port_packets(bras) - before) / (time.monotonic() - began)


def test_syn_flood(bras, dial, lab, measured):
    """Twenty clients come in and are served under half of what the port can take; no memory grows."""
    program = flood(lab, 0)
    capacity = rate_of(bras)
    program.kill()
    before, answered = bras.resident_bytes(), port_packets(bras, "tx-packets")
    program = flood(lab, int(capacity / 2))
    try:
        clients = [dial().online() for _ in range(20)]
        assert [client.ping(GATEWAY) for client in clients] == [3] * 20
        bras.wait_active(20)
        rate = rate_of(bras, 1)
        wait_until("answers to the flood", lambda: port_packets(bras, "tx-packets") > answered + 5000, 60)
    finally:
        program.kill()
    grown = bras.resident_bytes() - before
    measured(f"{capacity:.0f} SYNs a second taken in at most; 20 clients came in under {rate:.0f}; resident memory "
             f"{grown >> 10:+d} KiB")
    assert grown < 8 << 20


# --- what scanners see

@pytest.fixture
def scan(lab, bras):
    """A function that runs a program on the guests' wire and returns what it says."""
    def scan(*words):
        if not shutil.which(words[0]):
            pytest.skip(f"{words[0]} is not installed")
        return run(lab.access.argv(list(words)), timeout_s=500, check=False).stdout
    return scan


def test_sslscan_finds_what_we_mean_to_offer(scan):
    tls_scans.sslscan(scan, ACCESS_BRAS, 443)


def test_testssl_finds_nothing_weak(scan, tmp_path):
    bad = tls_scans.testssl(scan, ACCESS_BRAS, 443, tmp_path / "report.json", "-p", "-s")
    assert not bad, bad


@pytest.mark.long
def test_testssl_finds_nothing_at_all(scan, tmp_path):
    """All of its checks.  What it says of certificates is of the tests' own; LUCKY13 is AES-CBC of TLS 1.2."""
    bad = tls_scans.testssl(scan, ACCESS_BRAS, 443, tmp_path / "report.json")
    assert not [f for f in bad if not f["id"].startswith(("cert_", "LUCKY13", "overall_", "final_", "grade_"))], bad


def test_nmap_cannot_guess(scan):
    print(tls_scans.nmap(scan, ACCESS_BRAS, 443))
