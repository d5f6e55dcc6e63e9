"""One lab: its namespaces, wires, guests and core host, made at construction and gone after close()."""
import contextlib
import glob
import os
import re
import shutil
import signal
import tempfile

from core_host import CoreHost
from guest import Guest
from network import ACCESS_PORT, CORE_BRAS, CORE_HOST, CORE_PORT, Capture, Namespace
from processes import Processes, on_signals, run

# A daemon's port, its bridge, and the MAC address for the kernel's end.
PLUGS = ((ACCESS_PORT, "br-acc", "02:00:00:00:ac:01"), (CORE_PORT, "br-core", "02:00:00:00:c0:01"))
ROUTED_TO_BRAS = ("10.78.0.0/15", "10.77.0.0/24", "198.51.100.0/24")
OWNER = "owner"  # a file in the run directory: the process id of its lab


def alive(pid):
    """Whether that process may have a lab; one that has our number was before us."""
    return int(pid) != os.getpid() and os.path.exists(f"/proc/{pid}")


def sweep():
    """Removes what labs left behind that were killed before they could: namespaces, guests in them, directories."""
    for line in run(["ip", "netns", "list"]).stdout.splitlines():
        match = re.match(r"(millrace-(?:access|core)-(\d+))\b", line)
        if match and not alive(match[2]):
            for pid in run(["ip", "netns", "pids", match[1]], check=False).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            run(["ip", "netns", "delete", match[1]], check=False)
    for path in glob.glob(f"/tmp/millrace-lab.*/{OWNER}"):
        with open(path) as file:
            if not alive(file.read()):
                shutil.rmtree(os.path.dirname(path), ignore_errors=True)


class Lab:
    def __init__(self):
        sweep()
        self.run_dir = tempfile.mkdtemp(prefix="millrace-lab.", dir="/tmp")
        with open(os.path.join(self.run_dir, OWNER), "w") as file:
            file.write(str(os.getpid()))
        self.processes = Processes(self.run_dir)
        self._namespaces = []
        self._taps = 0
        self.guests = {}
        try:
            self._lay_wires()
            self.core_host = CoreHost(self)
        except BaseException:
            self.close()
            raise

    def _namespace(self, side):
        namespace = Namespace(f"millrace-{side}-{os.getpid()}")
        self._namespaces.append(namespace)
        namespace.add()
        return namespace

    def _lay_wires(self):
        self.access = self._namespace("access")
        self.core = self._namespace("core")
        for bridge in ("br-acc", "br-core"):
            self.access.run(f"ip link add {bridge} type bridge forward_delay 0 mcast_snooping 0")
            self.access.run(f"ip link set {bridge} up")
        self.access.run(f"ip link add veth0 type veth peer name eth0 netns {self.core.name}")
        self.access.run("ip link set veth0 master br-core up")
        self.core.run(f"ip addr add {CORE_HOST}/30 dev eth0")
        self.core.run("ip link set eth0 up")
        for prefix in ROUTED_TO_BRAS:
            self.core.run(f"ip route add {prefix} via {CORE_BRAS}")

    def plug_in_ports(self):
        """Connects the kernel ends of a started daemon's ports; they disappear with the daemon.

        What the daemon sent before has met no wire: the core host asks for its address, which tells it its own."""
        for port, bridge, mac in PLUGS:
            self.access.run(f"ip link set {port} address {mac}")
            self.access.run(f"ip link set {port} master {bridge} up")
        self.core.run("ip neigh flush dev eth0")

    def boot_guest(self, name, host_number, **options):
        """Starts a guest with access address 10.77.0.<host_number>; the caller waits for it with booted()."""
        tap = f"guest{self._taps}"
        self._taps += 1
        self.access.run(f"ip tuntap add dev {tap} mode tap vnet_hdr")
        self.access.run(f"ip link set {tap} master br-acc up")
        guest = Guest(self, name, tap, f"10.77.0.{host_number}/24", **options)
        self.guests[name] = guest
        return guest

    def capture_access(self, expression="", interface="br-acc"):
        return Capture(self, self.access, interface, expression)

    def capture_core(self, expression=""):
        """All that passes between millraced's core port and the core host."""
        return Capture(self, self.access, "veth0", expression)

    def close(self, keep=False):
        """Ends all that was started, however often Ctrl-C is pressed meanwhile; removes the logs too unless keep."""
        on_signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN)
        try:
            for guest in self.guests.values():
                guest.power_off()
        finally:
            self.processes.kill_all()
            for namespace in self._namespaces:
                namespace.delete()
            if keep:
                os.unlink(os.path.join(self.run_dir, OWNER))
            else:
                shutil.rmtree(self.run_dir, ignore_errors=True)
            on_signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.default_int_handler)
