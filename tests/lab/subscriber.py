"""A real L2TP subscriber: Debian's xl2tpd and pppd in a guest.

Each dial-in is an xl2tpd of its own with its files in a directory of the guest; both programs log to /out, so that
the test reads them as they are written.
"""
import os
import re

from network import ACCESS_BRAS
from wait import LabError, wait_until

# The reference (accel-ppp 1.14 with the same client) needs this from ICCN's lost first ConfReq to an address.
REFERENCE_SETUP_S = 3.5
AUTHENTICATIONS = ("pap", "chap", "mschap", "mschap-v2", "eap")

XL2TPD_CONF = """\
[global]
port = {port}
force userspace = {userspace}
access control = no
auth file = {files}/secrets
[lac bras]
lns = {lns}
pppoptfile = {files}/ppp
length bit = {length_bit}
challenge = {challenge}
hidden bit = {hidden}
redial = no
ppp debug = yes
"""

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


class Subscriber:
    _number = 0

    def __init__(self, guest, user="alice", password="wonderland", *, userspace=False, port=None, authentication=None,
                 tunnel_secret=None, challenge=True, hidden=False, length_bit=False, lns=ACCESS_BRAS, ppp_options=""):
        """port: None is a fresh one for each dial-in (a real client's is 1701); authentication: the only method that
        the client accepts; challenge: whether a client with a tunnel secret asks the BRAS to prove that it knows it."""
        Subscriber._number += 1
        self.guest = guest
        self.user = user
        self._port = port or 20000 + Subscriber._number
        self._secret = tunnel_secret
        self._files = f"/run/l2tp-{Subscriber._number}"
        self._conf = XL2TPD_CONF.format(
            port=self._port, userspace="yes" if userspace else "no", files=self._files, lns=lns,
            length_bit="yes" if length_bit else "no", challenge="yes" if tunnel_secret and challenge else "no",
            hidden="yes" if hidden else "no")
        refused = (f"refuse-{name}" for name in AUTHENTICATIONS if authentication and name != authentication)
        self._log_name = f"pppd-{Subscriber._number}.log"
        self._ppp = PPP_OPTIONS.format(user=user, password=password, log=f"/out/{self._log_name}",
                                       refused="\n".join(refused), extra=ppp_options)
        self._job = None

    @property
    def ppp_log(self):
        try:
            with open(os.path.join(self.guest.run_dir, self._log_name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def l2tp_log(self):
        return self._job.output if self._job else ""

    def dial(self):
        """Starts to dial in and returns at once."""
        secrets = f"* * {self._secret}" if self._secret else ""
        self._job = self.guest.start(
            f"mkdir -p {self._files}\n"
            f"cat > {self._files}/xl2tpd <<'END'\n{self._conf}END\n"
            f"cat > {self._files}/ppp <<'END'\n{self._ppp}END\n"
            f"echo '{secrets}' > {self._files}/secrets\n"
            f"(while [ ! -p {self._files}/control ]; do sleep 0.05; done; echo 'c bras' > {self._files}/control) &\n"
            f"exec xl2tpd -D -c {self._files}/xl2tpd -s {self._files}/secrets -C {self._files}/control"
            f" -p {self._files}/pid")
        return self

    def up(self, timeout_s=30):
        """Waits until the session has an address, and returns it."""
        def address():
            if self._job.status is not None:
                raise LabError(f"xl2tpd ended:\n{self.l2tp_log}\n{self.ppp_log}")
            return self.address
        try:
            return wait_until(f"{self.user} online", address, timeout_s)
        except LabError as error:
            raise LabError(f"{error}\n--- xl2tpd:\n{self.l2tp_log}\n--- pppd:\n{self.ppp_log}") from None

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
            raise LabError(f"{error}:\n{self.ppp_log}\n--- xl2tpd:\n{self.l2tp_log}") from None

    def wait_l2tp(self, text, timeout_s=20):
        """Waits for a text in xl2tpd's log."""
        try:
            wait_until(f"{text!r} in xl2tpd's log", lambda: text in self.l2tp_log, timeout_s)
        except LabError as error:
            raise LabError(f"{error}:\n{self.l2tp_log}") from None

    def wait_ended(self, timeout_s=20):
        """Waits until pppd has let its link go, whether it or xl2tpd came first."""
        def ended():
            return "Connection terminated." in self.ppp_log or "pppd exited" in self.l2tp_log
        try:
            wait_until("end of pppd", ended, timeout_s)
        except LabError as error:
            raise LabError(f"{error}:\n{self.ppp_log}\n--- xl2tpd:\n{self.l2tp_log}") from None

    def ping(self, target, count=5, options="", check=True):
        """Pings through the tunnel; the output says how many came back.

        ping leaves after the longer of one interval and two round trips: a second lets a busy host be late."""
        return self.guest.run(f"ping -n -c {count} -l {count} -i 1 -W 2 {options} {target}", check=check)

    def hang_up(self):
        """A clean end from the client: LCP Terminate-Request first, then xl2tpd's CDN and StopCCN."""
        self._signal("TERM", f"$(cat /run/{self.interface}.pid)")
        self.wait_ended()
        self.stop()

    def stop(self):
        """Ends xl2tpd.  It is told to close its tunnel first: in userspace mode SIGTERM alone sends no StopCCN."""
        if self._job and self._job.status is None and self.guest.running:
            self.guest.run(f"echo 'd bras' > {self._files}/control")
            self._signal("TERM", f"$(cat {self._files}/pid)")
            self._job.wait(20)

    def crash(self):
        """Kills both programs, xl2tpd first, so that nothing is said to the BRAS; pppd may end by itself then."""
        self._signal("KILL", f"$(cat {self._files}/pid) $(cat /run/{self.interface}.pid) || true")
        self._job.wait(20)

    def _signal(self, name, pids):
        self.guest.run(f"kill -{name} {pids}")
