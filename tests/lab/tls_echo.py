"""millrace-tls-echo and openssl's own client, in a namespace of their own: our TCP and TLS without PPP.

    openssl s_client, sslscan, ... ── tun0 10.99.0.1/30 ── 10.99.0.2 [ millrace-tls-echo ]
"""
import hashlib
import itertools
import os
import signal
import subprocess
import tempfile
import threading

from bras import BUILD
from network import Namespace
from processes import Processes, run
from wait import LabError, wait_until

ECHO = os.path.join(BUILD, "tests/echo/millrace-tls-echo")
ADDRESS = "10.99.0.2"
PORT, LEGACY_PORT = 443, 444
NAME = "vpn.example.net"
BLOCK = 1 << 18


def missing():
    """Why there can be no echo here, or None."""
    if os.geteuid():
        return "namespaces need root"
    if not os.path.exists(ECHO):
        return f"{ECHO} is not built"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun"
    return None


class TlsEcho:
    """The echo, up from construction to close()."""

    _number = itertools.count()

    def __init__(self, key="rsa:2048", wire="0,0,0"):
        """wire: what the line does to packets, each way: ms of delay, percent lost, percent that overtake."""
        self._dir = tempfile.TemporaryDirectory(prefix="millrace-tls.", dir="/tmp")
        self.processes = Processes(self._dir.name)
        self.namespace = Namespace(f"millrace-tls-{os.getpid()}-{next(self._number)}")
        self.namespace.add()
        try:
            self._certify(key)
            self._echo = self.processes.start("echo", self.namespace.argv([
                ECHO, "tun0", ADDRESS, self.certificate, self.key, wire, str(PORT), str(LEGACY_PORT)]))
            wait_until("the echo's listeners", lambda: "ready" in self.log, 30)
            self.namespace.run("ip addr add 10.99.0.1/30 dev tun0")
            self.namespace.run("ip link set tun0 up")
        except BaseException:
            self.close()
            raise

    def _certify(self, key):
        self.certificate = os.path.join(self._dir.name, "certificate.pem")
        self.key = os.path.join(self._dir.name, "key.pem")
        run(["openssl", "req", "-x509", "-newkey", key, "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
             "-keyout", self.key, "-out", self.certificate], timeout_s=60)

    @property
    def log(self):
        return self._echo.log

    def client(self, *options, port=PORT):
        """The words of an s_client that trusts our certificate and breaks off without."""
        return self.namespace.argv(["openssl", "s_client", "-connect", f"{ADDRESS}:{port}", "-CAfile", self.certificate,
                                    "-verify_return_error", "-servername", NAME, *options])

    def scan(self, *words, timeout_s=300):
        """The output of a program that looks at us from outside."""
        return run(self.namespace.argv(list(words)), timeout_s=timeout_s, check=False).stdout

    def counters(self):
        """Ends the echo, which then says what it has counted."""
        self._echo.signal(signal.SIGTERM)
        self._echo.wait(20)
        return self.log.splitlines()[-1]

    def close(self):
        self.processes.kill_all()
        self.namespace.delete()
        self._dir.cleanup()


class Transfer:
    """So many bytes there and back through an s_client, compared by SHA-256 while they move."""

    def __init__(self, echo, total, *options, port=PORT):
        self._left = total
        self._sent, self._received = hashlib.sha256(), hashlib.sha256()
        self._child = subprocess.Popen(echo.client("-quiet", *options, port=port), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        writer = threading.Thread(target=self._write, args=(total,), daemon=True)
        writer.start()
        try:
            self._read()
        finally:
            self._child.kill()
            writer.join()
            self._child.communicate()

    def _write(self, total):
        block = os.urandom(BLOCK)
        try:
            while total:
                part = block[:min(total, BLOCK)]
                self._child.stdin.write(part)
                self._sent.update(part)
                total -= len(part)
            self._child.stdin.flush()
        except BrokenPipeError:
            pass

    def _read(self):
        while self._left:
            part = self._child.stdout.read1(BLOCK)
            if not part:
                raise LabError(f"s_client ended with {self._left} bytes to come: "
                               f"{self._child.stderr.read().decode(errors='replace')}")
            self._received.update(part)
            self._left -= len(part)

    @property
    def equal(self):
        return self._sent.digest() == self._received.digest()


class Talk:
    """An s_client that is told one line at a time: a line of one letter is a command of its own (K, R, Q)."""

    def __init__(self, echo, *options):
        self._child = echo.processes.start("talk", echo.client("-msg", *options), stdin=subprocess.PIPE)
        wait_until("s_client's connection", lambda: "Verify return code: 0" in self.heard, 20)

    @property
    def heard(self):
        return self._child.log

    def say(self, line, answer):
        """Says it, and waits until so much more is heard."""
        before = self.heard.count(answer)
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()
        wait_until(f"{answer!r} after {line!r}", lambda: self.heard.count(answer) > before, 20)

    def close(self):
        self._child.kill()
