"""Debian's sstp-client and pppd dial in, move data, and are refused with the reason."""
import re

import pytest

from bras import GATEWAY, NAME_SERVER
from certificate import Certificate
from core_host import CoreHost
from network import ACCESS_BRAS
from relay import ADDRESS as relay_address
from relay import Relay, proxy_header
from sstp_subscriber import SstpSubscriber, slow_wire
from wait import wait_until

MEGABYTE = 1 << 20
PROTOCOLS = pytest.mark.parametrize("protocol", ["mschap-v2", "chap", "pap"])
# CHAP with MD5 needs pppd's plugin: see sstp_subscriber.py.  Sanitizers see each version and each program once.
STARTS = pytest.mark.parametrize("protocol, by_pppd, version", [
    pytest.param("mschap-v2", False, "tls1.3", marks=pytest.mark.asan),
    ("mschap-v2", True, "tls1.3"),
    ("chap", True, "tls1.3"),
    ("pap", False, "tls1.3"),
    ("mschap-v2", False, "tls1.2"),
    ("mschap-v2", True, "tls1.2"),
    pytest.param("chap", True, "tls1.2", marks=pytest.mark.asan),
    ("pap", False, "tls1.2")])
ALL = ("mschap-v2", "chap", "pap")


@pytest.fixture(scope="session")
def certificate(lab):
    return Certificate(lab.run_dir)


@pytest.fixture
def start_sstp(start_bras, certificate, lab):
    """A function that starts a daemon with an SSTP listener."""
    def start(sstp="", protocols=ALL, **settings):
        section = (f'sstp = {{ listen = [ "0.0.0.0:443" ]; certificate = "{certificate.certificate}";'
                   f' private-key = "{certificate.key}"; {sstp} }};')
        return start_bras(protocols=protocols, extra=section, **settings)
    guests = [guest for guest in lab.guests.values() if guest.running]  # other tests have pulled the plug of theirs
    for guest in guests:
        slow_wire(guest)
    yield start
    for guest in guests:
        slow_wire(guest, "")


@pytest.fixture
def dial_sstp(lab):
    made = []

    def make(guest="alice", **options):
        one = SstpSubscriber(lab.guests[guest], **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()


@STARTS
def test_online(start_sstp, dial_sstp, protocol, by_pppd, version):
    bras = start_sstp(sstp=f'ssl-protocol = [ "{version}" ];')
    alice = dial_sstp(authentication=protocol, by_pppd=by_pppd).connect()
    assert alice.address.startswith("10.78.1.")
    alice.wait_ppp(f"primary   DNS address {NAME_SERVER}")
    bras.wait_log(r"recv \[SSTP SSTP_MSG_CALL_CONNECTED\]")
    for target in (GATEWAY, CoreHost.address):
        assert "5 received" in alice.ping(target)
    session = bras.session_of("alice")
    assert session["type"] == "sstp" and session["ifname"] == "sstp0" and session["ip"] == alice.address
    assert alice.guest.address in session["calling-sid"]
    alice.hang_up()
    bras.wait_everything_returned()


@PROTOCOLS
def test_wrong_password(start_sstp, dial_sstp, protocol):
    bras = start_sstp()
    alice = dial_sstp(password="not this one", authentication=protocol).dial()
    bras.wait_log("authentication failed")
    alice.wait_ended()
    bras.wait_everything_returned()


@pytest.mark.asan
def test_wrong_host_name(start_sstp, dial_sstp):
    """The server is another's: the HTTP request is refused, with a line that says which host was asked for."""
    bras = start_sstp(sstp='host-name = "vpn.example.com";')
    alice = dial_sstp().dial()
    bras.wait_log(r"HTTP request refused \(404\).*host=10\.77\.0\.2")
    alice.wait_ended()
    bras.wait_everything_returned()


@pytest.mark.asan
@pytest.mark.parametrize("device", ["crypto_aesni_gcm", "crypto_openssl"])
@pytest.mark.parametrize("version", ["tls1.2", "tls1.3"])
def test_records_by_a_cryptodev(start_sstp, dial_sstp, lab, device, version):
    """A device of DPDK's seals and opens, which gives records back later; the session ends with some of them on their way."""
    bras = start_sstp(sstp=f'record-engine = "cryptodev"; cryptodev = "{device}"; ssl-protocol = [ "{version}" ];')
    alice = dial_sstp().connect()
    for direction in ("up", "down"):
        alice.guest.run(lab.core_host.transfer_command(direction, MEGABYTE), timeout_s=120)
    # Else it would go on when alice has her address again.
    download = alice.guest.start("timeout 5 " + lab.core_host.transfer_command("down", 64 * MEGABYTE))
    received = int(bras.session_of("alice")["tx-bytes"])
    wait_until("the download under way", lambda: int(bras.session_of("alice")["tx-bytes"]) > received + MEGABYTE)
    bras.cli("terminate username alice")
    alice.wait_ended()
    bras.wait_everything_returned()
    download.wait()


@pytest.mark.parametrize("direction", ["up", "down"])
def test_32_megabytes(start_sstp, dial_sstp, lab, direction, measured):
    start_sstp()
    alice = dial_sstp().connect()
    measured(alice.guest.run(lab.core_host.transfer_command(direction, 32 * MEGABYTE), timeout_s=300).strip())


@pytest.mark.parametrize("direction", ["up", "down"])
def test_4_megabytes_over_a_bad_path(start_sstp, dial_sstp, lab, direction, measured):
    start_sstp()
    alice = dial_sstp().connect()
    slow_wire(alice.guest, "delay 20ms 5ms loss 1% reorder 5%")
    measured(alice.guest.run(lab.core_host.transfer_command(direction, 4 * MEGABYTE), timeout_s=300).strip())


@pytest.mark.parametrize("attempt", range(3))
def test_set_up_over_a_very_bad_path(start_sstp, dial_sstp, lab, attempt):
    bras = start_sstp()
    slow_wire(lab.guests["alice"], "delay 10ms loss 14%")
    alice = dial_sstp().connect(timeout_s=60)
    bras.session_of("alice")
    assert "received" in alice.ping(GATEWAY, check=False)


@pytest.mark.parametrize("size", [139264, 139265, 200000, 1000000])
def test_no_stall(start_sstp, dial_sstp, lab, size):
    """Another server's downloads stop at 139,264 bytes."""
    start_sstp()
    alice = dial_sstp().connect()
    alice.guest.run(lab.core_host.transfer_command("down", size), timeout_s=60)


@pytest.mark.asan
def test_missing_call_connected(start_sstp, dial_sstp):
    """A client that never proves that its PPP and its TLS are one: no packet of its passes, and the call ends."""
    bras = start_sstp(sstp="timeout = 5;")
    alice = dial_sstp(authentication="chap").connect()
    assert "0 received" in alice.ping(GATEWAY, count=2, check=False)
    assert bras.dropped("GATE_BOUND") >= 2
    bras.wait_log(r"ended: no crypto binding from the peer", timeout_s=30)
    alice.wait_ended()
    bras.wait_everything_returned()


def test_fifty_at_once(start_sstp, lab):
    """Fifty clients up at once, half of them in each guest, which has no processor for more; all are gone afterwards.

    A few more are started: one of fifty has been seen not to come up, with nothing in our log against it."""
    bras = start_sstp()
    guests = list(lab.guests.values())[:2]
    jobs = []
    for guest in guests:
        command = SstpSubscriber(guest).command
        jobs.append(guest.start(f"for i in $(seq 27); do ({command}) >/dev/null 2>&1 & sleep 0.4; done; wait"))
    try:
        bras.wait_active(50, timeout_s=240)
    finally:
        for guest in guests:
            guest.run("for p in $(pgrep pppd); do kill -TERM $p; done;"
                      " for i in $(seq 100); do pgrep pppd > /dev/null || break; sleep 0.1; done;"
                      " for p in $(pgrep sstpc); do kill -KILL $p; done; true")
        for job in jobs:
            job.wait(60)
    bras.wait_everything_returned(30)


@pytest.fixture
def relay(lab):
    made = []

    def make(*target, **options):
        made.append(Relay(lab, *target, **options))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.mark.asan
def test_somebody_in_the_middle(start_sstp, dial_sstp, relay, tmp_path):
    """Whoever ends the client's TLS with a certificate of his own has a client that proves it to us: sstp-client, told
    to mind no certificate, binds its call to the one that it has been shown."""
    bras = start_sstp()
    relay(ACCESS_BRAS, certificate=Certificate(str(tmp_path), relay_address))
    alice = dial_sstp(server=relay_address, authentication="mschap-v2").dial()
    bras.wait_log("crypto binding refused: its certificate is not the one shown on this connection", timeout_s=40)
    bras.wait_log("ended: crypto binding is wrong")
    alice.wait_ended()
    bras.wait_everything_returned()


@pytest.mark.asan
def test_behind_a_balancer(start_sstp, dial_sstp, relay):
    """The real client's TLS goes through untouched, and its address is the client's, not the balancer's."""
    bras = start_sstp(sstp='proxy-listen = [ "0.0.0.0:8443" ]; proxy-from = [ "10.77.0.0/24" ];')
    relay(ACCESS_BRAS, 8443, header=lambda peer: proxy_header(peer, (ACCESS_BRAS, 443)))
    alice = dial_sstp(server=relay_address, authentication="mschap-v2").connect()
    assert "5 received" in alice.ping(GATEWAY)
    assert bras.session_of("alice")["calling-sid"].startswith(alice.guest.address)


def test_ping_under_load(start_sstp, dial_sstp, lab, measured):
    """A download that fills a link of 20 Mbit/s, and pings in the same session meanwhile."""
    start_sstp()
    alice = dial_sstp().connect()
    idle = alice.ping(CoreHost.address, count=10)
    link = f"dev {alice.guest.tap} root"
    limit = lab.access.run(f"tc qdisc replace {link} tbf rate 20mbit burst 16kb limit 32kb", check=False)
    if limit:
        pytest.skip(f"the host's kernel has no tbf: {limit}")
    try:
        download = alice.guest.start(lab.core_host.transfer_command("down", 8 * MEGABYTE))
        loaded = alice.ping(CoreHost.address, count=10)
        assert download.wait(120) == 0, download.output
    finally:
        lab.access.run(f"tc qdisc del {link}")
    assert re.search(r" [1-9]\d* received", loaded), loaded
    figures = [re.search(r"rtt min/avg/max/mdev = (\S+ ms)", text)[1] for text in (idle, loaded)]
    measured(f"ping min/avg/max/mdev: {figures[0]} idle, {figures[1]} under a download; {download.output.strip()}")


def test_certificate_is_checked(bras, certificate):
    """A file that is not there, and a key of another certificate, are named, and nothing starts."""
    text = (f'sstp = {{ certificate = "{certificate.certificate}"; private-key = "{certificate.certificate}"; }};')
    with open(bras.config_path) as file:
        config = file.read()
    bras.write_config(config + text)
    result = bras.check()
    assert result.returncode == 1 and certificate.certificate in result.stdout
    bras.write_config(config + 'sstp = { certificate = "/nowhere.pem"; private-key = "/nowhere.key"; };')
    result = bras.check()
    assert result.returncode == 1 and "/nowhere.pem" in result.stdout
