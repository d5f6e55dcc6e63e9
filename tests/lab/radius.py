"""A private FreeRADIUS in the daemon's namespace: its users and configuration are tests/radius/raddb."""
import os
import re
import shutil
import signal
import time

from processes import run
from wait import LabError, wait_until

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RADDB = os.path.join(TREE, "tests/radius/raddb")
SECRET = "testing123"
AUTH_PORT, ACCT_PORT, DAE_PORT = 18120, 18130, 37990
PROGRAMS = ("/usr/sbin/freeradius", "/usr/bin/radclient")

SERVER = '{{ address = "{address}"; key = "{secret}"; port = {auth}; acct-port = {acct}; fail-time = {fail_time}; {keys} }}'
RADIUS = """\
radius = {{
	nas-identifier = "bras1"; {keys} acct-spool = "{spool}";
	server = ( {servers} );
	rate-limit = {{ enable = true; }};
	dynamic-author = {{ server = "{listen}"; port = {dae}; key = "{secret}"; }};
}};
"""
LISTEN = """\
	listen {{
		type = {role}
		ipaddr = 127.0.0.1
		port = $ENV{{RADTEST_{name}_PORT}}
	}}
"""
QUICK = "timeout = 1; acct-timeout = 1; max-try = 2;"
POOLS = 'client-ip-pool = ( { name = "home"; range = [ "10.78.1.0/24" ]; }, { name = "gold"; range = [ "10.79.1.0/24" ]; } );'


def missing():
    return next((f"{program} is not installed" for program in PROGRAMS if not os.path.exists(program)), None)


def server_entry(address="127.0.0.1", secret=SECRET, fail_time=5, keys=""):
    """One of the daemon's radius.server."""
    return SERVER.format(address=address, secret=secret, auth=AUTH_PORT, acct=ACCT_PORT, fail_time=fail_time,
                         keys=keys)


def section(spool, keys=QUICK, servers=None, listen="127.0.0.1", secret=SECRET):
    """The daemon's section radius; servers: entries as of server_entry(); listen, secret: of CoA."""
    servers = ", ".join(servers if servers is not None else [server_entry()])
    return RADIUS.format(spool=spool, secret=secret, keys=keys, servers=servers, listen=listen, dae=DAE_PORT)


def settings(spool, mode='"radius"', keys=QUICK, servers=None, listen="127.0.0.1", secret=SECRET, extra="",
             **others):
    """Keyword arguments for a daemon that asks this server."""
    change = [('mode = [ "local" ]', f"mode = [ {mode} ]"),
              ('client-ip-pool = ( { name = "home"; range = [ "10.78.1.0/24" ]; } );', POOLS)]
    return {"change": change + list(others.pop("change", ())),
            "extra": section(spool, keys, servers, listen, secret) + extra, **others}


def records(path):
    """The blocks of a detail file: a dictionary each, of lists."""
    try:
        with open(path) as file:
            blocks = file.read().split("\n\n")
    except FileNotFoundError:
        return []
    found = []
    for block in blocks:
        record = {}
        for name, value in re.findall(r"^\t([\w:-]+) = (.*)$", block, re.MULTILINE):
            record.setdefault(name, []).append(value.strip('"'))
        if record:
            found.append(record)
    return found


class FreeRadius:
    """One server, from start() to stop(); start() again goes on with the same detail file."""

    _number = 0

    def __init__(self, lab, address="127.0.0.1", roles=("auth", "acct")):
        FreeRadius._number += 1
        self._lab = lab
        self.address = address
        self.directory = os.path.join(lab.run_dir, f"radius-{FreeRadius._number}")
        shutil.copytree(RADDB, os.path.join(self.directory, "raddb"))
        os.mkdir(os.path.join(self.directory, "log"))
        for path, _, files in os.walk(self.directory):
            for name in files:
                os.chmod(os.path.join(path, name), 0o640)
        self._log = os.path.join(self.directory, "log/radius.log")
        self._process = None
        for role in {"auth", "acct"} - set(roles):
            self.change("radiusd.conf", LISTEN.format(role=role, name=role.upper()), "")
        self.change("radiusd.conf", "ipaddr = 127.0.0.1\n", f"ipaddr = {address}\n")

    def change(self, name, old, new):
        """Another line in a file of its configuration, from the next start on."""
        path = os.path.join(self.directory, "raddb", name)
        with open(path) as file:
            text = file.read()
        assert old in text, f"{name} has no {old!r}"
        with open(path, "w") as file:
            file.write(text.replace(old, new))

    def start(self):
        open(self._log, "w").close()
        env = {**os.environ, "RADTEST_DIR": self.directory, "RADTEST_AUTH_PORT": str(AUTH_PORT),
               "RADTEST_ACCT_PORT": str(ACCT_PORT)}
        argv = ["freeradius", "-d", f"{self.directory}/raddb", "-f", "-n", "radiusd", "-l", self._log]
        self._process = self._lab.processes.start("freeradius", self._lab.access.argv(argv), env=env)
        wait_until("FreeRADIUS", self._ready, 15)
        return self

    def _ready(self):
        with open(self._log, errors="replace") as file:
            text = file.read()
        if not self._process.running:
            raise LabError(f"FreeRADIUS ended:\n{text}\n{self._process.log}")
        return "Ready to process requests" in text

    def stop(self):
        self._process.kill()

    def freeze(self):
        """It is there and says nothing, until it is started again."""
        self._process.signal(signal.SIGSTOP)

    def records(self):
        """Accounting records in the order in which they were taken: a dictionary each, of lists."""
        return records(os.path.join(self.directory, "log/acct.detail"))

    def wait_record(self, timeout_s=20, **wanted):
        """The first record with these attributes; _ in a name stands for -."""
        wanted = {name.replace("_", "-"): str(value) for name, value in wanted.items()}

        def found():
            return next((r for r in self.records() if all(value in r.get(name, ()) for name, value in wanted.items())), None)
        try:
            return wait_until(f"an accounting record with {wanted}", found, timeout_s)
        except LabError as error:
            raise LabError(f"{error}: {self.records()}") from None


def stamp(text):
    """Event-Timestamp as a number, however it is printed."""
    return int(text) if text.isdigit() else int(time.mktime(time.strptime(" ".join(text.split()[:4]), "%b %d %Y %H:%M:%S")))


def key(record):
    """What makes a record this one and no other: (session, type, Event-Timestamp)."""
    return record["Acct-Session-Id"][0], record["Acct-Status-Type"][0], stamp(record["Event-Timestamp"][0])


def said(log):
    """What a daemon's log says that it has accounted, in order."""
    lines = re.findall(r"\[RADIUS send Accounting-Request (.*)\]", log)
    return [key({name: [value] for name, value in re.findall("<([^=>]*)=([^>]*)>", line)}) for line in lines]


def wait_all(keys, *servers, timeout_s=60):
    """Each of these records is with one of the servers at least once; the keys of each session, in order, without what
    has come twice in a row."""
    def arrived():
        return [key(record) for server in servers for record in server.records()]
    try:
        wait_until("all records", lambda: set(keys) <= set(arrived()), timeout_s)
    except LabError as error:
        raise LabError(f"{error}: missing {set(keys) - set(arrived())}") from None
    sessions = {}
    for one in arrived():
        there = sessions.setdefault(one[0], [])
        if not there or there[-1] != one:
            there.append(one)
    return sessions


def radclient(lab, kind, attributes, secret=SECRET, address="127.0.0.1"):
    """Sends a CoA or Disconnect; whether it was acknowledged, and all that radclient says."""
    argv = lab.access.argv(["radclient", "-x", "-r", "1", "-t", "2", f"{address}:{DAE_PORT}", kind, secret])
    text = ",".join(f'{name}="{value}"' if " " in str(value) or "/" in str(value) else f"{name}={value}"
                    for name, value in attributes)
    path = os.path.join(lab.run_dir, "radclient.in")
    with open(path, "w") as file:
        file.write(text + "\n")
    with open(path) as file:
        result = run(argv, check=False, stdin=file)
    return result.returncode == 0, result.stdout
