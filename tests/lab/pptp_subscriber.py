"""A real PPTP subscriber: Debian's pptp-linux and pppd in a guest.

pppd runs pptp on a terminal, which opens the control connection and carries GRE itself.  One address of the guest's own for each:
pptp shares one control connection for a pair of addresses.
"""
import os
import re

from network import ACCESS_BRAS
from wait import LabError, wait_until

# The reference (accel-ppp 1.14 with the same client) needs this, most of it for an IPCP request that pppd refuses.
REFERENCE_SETUP_S = 5
AUTHENTICATIONS = ("pap", "chap", "mschap", "mschap-v2", "eap")

PPP_OPTIONS = """\
noauth
user "{user}"
password "{password}"
debug
logfile {log}
nodetach
nobsdcomp
nodeflate
noipdefault
defaultroute
usepeerdns
mtu 1400
mru 1400
{refused}
{extra}
"""


class PptpSubscriber:
    _number = 0

    def __init__(self, guest, user="alice", password="wonderland", *, authentication=None, mppe="nomppe", local=None,
                 server=ACCESS_BRAS, pptp_options="--nobuffer"):
        """authentication: the only method that the client accepts; local: an address of the guest to come from."""
        PptpSubscriber._number += 1
        self.guest = guest
        self.user = user
        self._files = f"/run/pptp-{PptpSubscriber._number}"
        self._log_name = f"pptp-pppd-{PptpSubscriber._number}.log"
        refused = (f"refuse-{name}" for name in AUTHENTICATIONS if authentication and name != authentication)
        self._ppp = PPP_OPTIONS.format(user=user, password=password, log=f"/out/{self._log_name}",
                                       refused="\n".join(refused), extra=mppe)
        bind = f"--localbind {local} --nohostroute" if local else ""
        self._command = f"pptp {server} --nolaunchpppd --loglevel 1 {bind} {pptp_options}"
        self._job = None

    @property
    def ppp_log(self):
        try:
            with open(os.path.join(self.guest.run_dir, self._log_name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def dial(self):
        """Starts to dial in and returns at once."""
        self._job = self.guest.start(f"mkdir -p {self._files} /var/run/pptp\n"
                                     f"cat > {self._files}/ppp <<'END'\n{self._ppp}END\n"
                                     f"exec pppd pty '{self._command}' file {self._files}/ppp")
        return self

    def up(self, timeout_s=30):
        """Waits until the session has an address, and returns it."""
        def address():
            if self._job.status is not None:
                raise LabError(f"pppd ended:\n{self.ppp_log}")
            return self.address
        try:
            return wait_until(f"{self.user} online", address, timeout_s)
        except LabError as error:
            raise LabError(f"{error}\n--- pppd:\n{self.ppp_log}\n{self._job.output}") from None

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
        """Waits for a text in pppd's log."""
        try:
            wait_until(f"{text!r} in pppd's log", lambda: text in self.ppp_log, timeout_s)
        except LabError as error:
            raise LabError(f"{error}:\n{self.ppp_log}") from None

    def wait_ended(self, timeout_s=20):
        """Waits until pppd has ended; its exit status."""
        return self._job.wait(timeout_s)

    def ping(self, target, count=5, options="", check=True):
        return self.guest.run(f"ping -n -c {count} -l {count} -i 1 -W 2 {options} {target}", check=check)

    def hang_up(self):
        """A clean end from the client: LCP Terminate-Request, then Call-Clear-Request and Stop."""
        self.guest.run(f"kill -TERM $(cat /run/{self.interface}.pid)")
        self.wait_ended()

    def stop(self):
        if self._job and self._job.status is None and self.guest.running:
            self.guest.run(f"pid=$(cat /run/{self.interface}.pid) && kill -TERM $pid", check=False)
            self._job.wait(20)
