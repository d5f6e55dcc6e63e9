"""A real SSTP subscriber: Debian's sstp-client and pppd in a guest.

sstp-client 1.0.18 forgets to wait for its server when the handshake has never made it wait: netem makes the guest's wire
as slow as a real one.

Either program may start the other.  Where sstpc does, it reads along what pppd says, understands PAP and MS-CHAPv2 there, and never
says Call Connected after CHAP with MD5; where pppd does, its plugin tells sstpc of any authentication.
"""
import os
import re

from network import ACCESS_BRAS
from wait import LabError, wait_until

AUTHENTICATIONS = ("pap", "chap", "mschap", "mschap-v2", "eap")
ANSWER_MS = 10


def slow_wire(guest, how=f"delay {ANSWER_MS}ms"):
    """netem on what the guest sends; "" takes it away."""
    guest.run("tc qdisc del dev vec0 root 2>/dev/null || true")
    if how:
        guest.run(f"modprobe sch_netem; tc qdisc add dev vec0 root netem {how}")


class SstpSubscriber:
    _number = 0

    def __init__(self, guest, user="alice", password="wonderland", *, authentication=None, server=ACCESS_BRAS,
                 sstpc_options="", ppp_options="", environment="", by_pppd=False):
        SstpSubscriber._number += 1
        self.guest = guest
        self.user = user
        self._password = password
        self._log_name = f"sstp-pppd-{SstpSubscriber._number}.log"
        self._refused = " ".join(f"refuse-{name}" for name in AUTHENTICATIONS if authentication and name != authentication)
        self._link = f"sstp{SstpSubscriber._number}"
        words = self._started_by_pppd if by_pppd else self._started_by_sstpc
        self.command = f"mkdir -p /run/sstpc; {environment} exec {words(server, sstpc_options)} {ppp_options}"
        self._job = None

    @property
    def _ppp_words(self):
        return (f"noauth debug logfile /out/{self._log_name} nodetach usepeerdns nobsdcomp nodeflate noipdefault defaultroute"
                f" mtu 1400 mru 1400 linkname {self._link} {self._refused}")

    def _sstpc(self, options):
        return f"sstpc --cert-warn --log-level 4 --log-stderr --ipparam {self._link} {options}"

    def _started_by_sstpc(self, server, options):
        return f"{self._sstpc(options)} --user {self.user} --password '{self._password}' {server} {self._ppp_words}"

    def _started_by_pppd(self, server, options):
        return (f"pppd pty '{self._sstpc(options)} --nolaunchpppd {server}' plugin sstp-pppd-plugin.so"
                f" sstp-sock /run/sstpc/sstpc-{self._link} ipparam {self._link} user {self.user} password '{self._password}'"
                f" {self._ppp_words}")

    @property
    def ppp_log(self):
        try:
            with open(os.path.join(self.guest.run_dir, self._log_name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def sstp_log(self):
        return self._job.output if self._job else ""

    @property
    def _logs(self):
        return f"--- sstpc:\n{self.sstp_log}\n--- pppd:\n{self.ppp_log}"

    def dial(self):
        self._job = self.guest.start(self.command)
        return self

    def up(self, timeout_s=30):
        def address():
            if self._job.status is not None:
                raise LabError(f"sstpc ended:\n{self._logs}")
            return self.address
        try:
            return wait_until(f"{self.user} online", address, timeout_s)
        except LabError as error:
            raise LabError(f"{error}\n{self._logs}") from None

    def connect(self, timeout_s=30):
        self.dial().up(timeout_s)
        return self

    @property
    def address(self):
        found = re.findall(r"^local +IP address (\S+)", self.ppp_log, re.MULTILINE)
        return found[-1] if found else None

    @property
    def interface(self):
        found = re.findall(r"^Using interface (\S+)", self.ppp_log, re.MULTILINE)
        return found[-1] if found else None

    def wait_ppp(self, text, timeout_s=20):
        try:
            wait_until(f"{text!r} in pppd's log", lambda: text in self.ppp_log, timeout_s)
        except LabError as error:
            raise LabError(f"{error}\n{self._logs}") from None

    def wait_ended(self, timeout_s=30):
        try:
            wait_until("end of sstpc", lambda: self._job.status is not None, timeout_s)
        except LabError as error:
            raise LabError(f"{error}\n{self._logs}") from None

    def ping(self, target, count=5, options="", check=True):
        return self.guest.run(f"ping -n -I {self.interface} -c {count} -i 0.3 -W 2 {options} {target}", check=check)

    def hang_up(self):
        """A clean end from the client: pppd says LCP Terminate-Request, then sstpc closes."""
        self.guest.run(f"kill -TERM $(head -1 /run/ppp-{self._link}.pid /run/{self.interface}.pid"
                       " 2>/dev/null | grep -E '^[0-9]+$' | head -1)")
        self.wait_ended()

    def stop(self):
        if self._job and self._job.status is None and self.guest.running:
            self.guest.run(f"for p in $(pgrep -f 'ipparam sstp[0-9]' ; pgrep pppd); do kill -TERM $p; done || true")
            try:
                self._job.wait(15)
            except LabError:
                self.guest.run("for p in $(pgrep sstpc; pgrep pppd); do kill -KILL $p; done || true")
