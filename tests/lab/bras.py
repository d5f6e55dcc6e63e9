"""millraced as its operator runs it: a configuration file, the daemon, the command line."""
import json
import os
import re
import signal
import time

from network import ACCESS_BRAS, ACCESS_PORT, CORE_BRAS, CORE_HOST, CORE_PORT
from processes import run
from wait import LabError, wait_until

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("MILLRACE_BUILD", os.path.join(TREE, "build")))
DAEMON = os.path.join(BUILD, "cp/millraced")
CLI = os.path.join(BUILD, "cli/millrace")
GATEWAY = "10.78.0.1"
NAME_SERVER = "192.0.2.53"
SESSION_COLUMNS = "ifname,username,calling-sid,called-sid,ip,type,state,uptime,rx-bytes,tx-bytes,sid"
with open(os.path.join(TREE, "dp/include/dp/drop.def")) as drop_def:
    DROP_REASONS = set(re.findall(r"^DROP\((\w+),", drop_def.read(), re.MULTILINE))
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 15
# A build with sanitizers ends at the first finding, and the test with it.
ENVIRONMENT = {**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}

# Small tables: a daemon starts and ends for each test.  mac=fixed: the guests' and the core host's ARP entries stay true across daemons.
CONFIG = """\
cores = {{ main = {main}; workers = [ {worker} ]; hugepages = false; memory = 384; mbufs = 16384;
	idle = "nap"; }};
max-sessions = 4096;
tables = {{ routes = 1024; }};
ports = (
	{{ name = "p0"; device = "net_tap0,iface={access_port},mac=fixed"; }},
	{{ name = "p1"; device = "net_tap1,iface={core_port},mac=fixed"; }}
);
interfaces = (
	{{ name = "access"; port = "p0"; addresses = [ "{access}/24" ]; access = true; }},
	{{ name = "core"; port = "p1"; addresses = [ "{core}/30" ]; }}
);
routes = ( {{ prefix = "0.0.0.0/0"; via = "{core_host}"; }} );
l2tp = {{ listen = [ "0.0.0.0" ]; host-name = "bras1"; secret = "{tunnel_secret}"; }};
authentication = {{
	mode = [ "local" ];
	protocols = [ {protocols} ];
	local-users = (
		{{ username = "alice"; password = "wonderland"; }},
		{{ username = "bob"; password = "builder"; }}
	);
}};
client-ip-pool = ( {{ name = "home"; range = [ "10.78.1.0/24" ]; }} );
default-pool = "home";
gateway-address = "{gateway}";
name-server = [ "{name_server}" ];
ppp-options = {{ lcp-echo-interval = {echo_interval}; lcp-echo-failure = {echo_failure}; }};
control = {{ socket = "{socket}"; }};
log = {{ level = "{log_level}"; file = "stderr"; }};
{extra}
"""


def processors():
    """The control thread's and the worker's; the same one where there is no second."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 % len(usable)]


def config(socket, *, tunnel_secret="", protocols=("mschap-v2", "chap"), echo_interval=30, echo_failure=3,
           log_level="debug", extra="", change=()):
    """The text of a configuration file; change: pairs of a text to be replaced and its replacement."""
    main, worker = processors()
    text = CONFIG.format(main=main, worker=worker, access_port=ACCESS_PORT, core_port=CORE_PORT, access=ACCESS_BRAS,
                         core=CORE_BRAS, core_host=CORE_HOST, gateway=GATEWAY, name_server=NAME_SERVER, socket=socket,
                         tunnel_secret=tunnel_secret, protocols=", ".join(f'"{p}"' for p in protocols),
                         echo_interval=echo_interval, echo_failure=echo_failure, log_level=log_level, extra=extra)
    for old, new in change:
        assert old in text, f"the configuration has no {old!r}"
        text = text.replace(old, new)
    return text


def missing():
    """Why no daemon can be started here, or None."""
    for program in (DAEMON, CLI):
        if not os.access(program, os.X_OK):
            return f"{program} is not built (MILLRACE_BUILD names another build directory)"
    return None


class Bras:
    """One run of the daemon, from start() to stop()."""

    _number = 0

    def __init__(self, lab, **settings):
        Bras._number += 1
        self._lab = lab
        self._directory = os.path.join(lab.run_dir, f"bras-{Bras._number}")
        os.mkdir(self._directory)
        self.socket = os.path.join(self._directory, "control.sock")
        self.config_path = os.path.join(self._directory, "millrace.conf")
        self._process = None
        self._log_from = 0
        self.write_config(config(self.socket, **settings))

    def write_config(self, text):
        with open(self.config_path, "w") as file:
            file.write(text)

    def launch(self, *options):
        """Starts the program and waits for nothing."""
        argv = self._lab.access.argv([DAEMON, "-c", self.config_path, *options])
        self._process = self._lab.processes.start(f"millraced-{Bras._number}", argv, env=ENVIRONMENT)
        return self._process

    def start(self, ports=True):
        self.launch()
        wait_until("answer of the control socket", self._answers, START_TIMEOUT_S)
        if ports:
            self._lab.plug_in_ports()
            wait_until("answer to the core host", self._lab.core_host.reaches_bras, START_TIMEOUT_S)
        return self

    def _answers(self):
        if not self._process.running:
            raise LabError(f"millraced ended with status {self._process.wait(1)}:\n{self.log}")
        return os.path.exists(self.socket) and self.cli("show statistics", check=False).returncode == 0

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process is not None and self._process.running

    @property
    def log(self):
        return self._process.log

    @property
    def log_path(self):
        return self._process.log_path

    def log_from_here(self):
        """What has been logged up to now is nothing that wait_log() shall find."""
        self._log_from = len(self.log)

    def wait_log(self, pattern, timeout_s=15):
        """The first line of the log in which the regular expression is found."""
        def line():
            if not self.running:
                raise LabError(f"millraced ended:\n{self.log}")
            lines = self.log[self._log_from:].splitlines()
            return next((text for text in lines if re.search(pattern, text)), None)
        return wait_until(f"{pattern!r} in the log {self._process.log_path}", line, timeout_s)

    def cli(self, command, *options, check=True):
        """Runs millrace; a quoted word of the command is one word."""
        argv = [CLI, "-s", self.socket, *options, *command.split()]
        return run(argv, timeout_s=20, check=check)

    def show(self, what):
        """The parsed JSON of `millrace --json show <what>`."""
        return json.loads(self.cli(f"show {what}", "--json").stdout)

    def sessions(self):
        return self.show(f"sessions {SESSION_COLUMNS}")

    def session_of(self, user, timeout_s=10):
        """The row of the user's active session."""
        def row():
            return next((s for s in self.sessions() if s["username"] == user and s["state"] == "active"), None)
        return wait_until(f"an active session of {user}", row, timeout_s)

    def wait_sessions(self, count, timeout_s=15):
        wait_until(f"{count} sessions", lambda: len(self.sessions()) == count, timeout_s)

    def wait_active(self, count, timeout_s=15):
        """At least so many sessions are up at once."""
        wait_until(f"{count} active sessions", lambda: self.show("statistics")["sessions"]["active"] >= count, timeout_s)

    def check(self):
        """millraced -t."""
        return run([DAEMON, "-t", "-c", self.config_path], timeout_s=20, check=False)

    def dropped(self, reason):
        """Packets dropped for that reason (a name of dp/drop.def) so far."""
        assert reason in DROP_REASONS, f"no reason {reason} in drop.def"
        return sum(row["packets"] for row in self.show("drops") if row["reason"].upper().replace("-", "_") == reason)

    def wait_everything_returned(self, timeout_s=15):
        """Every session gone and every pool back to zero."""
        def idle():
            now = self.show("statistics")
            sessions = now["sessions"]
            left = [sessions["starting"], sessions["active"], sessions["finishing"], sessions["slots"]["used"]]
            return not any(left) and not any(pool["used"] for pool in now["pools"])
        try:
            wait_until("all sessions and addresses returned", idle, timeout_s)
        except LabError as error:
            raise LabError(f"{error}: {self.show('statistics')}") from None

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def stop(self, timeout_s=STOP_TIMEOUT_S):
        """SIGTERM; the daemon must end by itself with status 0.  Returns the seconds it took."""
        began = time.monotonic()
        self._process.signal(signal.SIGTERM)
        status = self._process.wait(timeout_s)
        if status:
            raise LabError(f"millraced ended with status {status} after SIGTERM:\n{self.log[-4000:]}")
        return time.monotonic() - began

    def wait_end(self, timeout_s):
        """The exit status of a daemon that ends by itself."""
        return self._process.wait(timeout_s)

    def kill(self):
        if self._process:
            self._process.kill()
