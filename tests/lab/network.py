"""The lab's wires.

    guest alice --tap--+                                              +-- veth -- core host 192.0.2.2/30
    guest bob   --tap--+-- br-acc -- acc0 [ millraced ] core0 -- br-core
                 10.77.0.0/24          10.77.0.2   192.0.2.1
    |------------------------- namespace access ----------------------------|   |---- namespace core ----|

acc0 and core0 are the taps that millraced's two net_tap ports make in its own namespace; plugging them into bridges
instead of moving one away keeps the core host standing while daemons come and go.  The kernel's end of such a tap
starts with the port's own MAC address, which a bridge would take for itself: it gets another one first.
"""
import contextlib
import ctypes
import os
import signal

from processes import run
from wait import wait_until

ACCESS_PORT = "acc0"
CORE_PORT = "core0"
CORE_HOST = "192.0.2.2"
CORE_BRAS = "192.0.2.1"
ACCESS_BRAS = "10.77.0.2"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(path):
    """Takes this thread into the network namespace of that file."""
    with open(path) as file:
        if LIBC.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")


class Namespace:
    def __init__(self, name):
        self.name = name

    def add(self):
        run(["ip", "netns", "add", self.name])
        self.run("ip link set lo up")
        self.run("sysctl -q net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")

    def argv(self, words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, command, **options):
        return run(self.argv(command.split()), **options).stdout

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile are the namespace's."""
        own = "/proc/thread-self/ns/net"
        with open(own) as before:
            enter(f"/run/netns/{self.name}")
            try:
                yield
            finally:
                enter(f"/proc/self/fd/{before.fileno()}")

    def delete(self):
        run(["ip", "netns", "delete", self.name], check=False)


class Capture:
    """tcpdump on one interface, from construction to stop(); reading it needs no stop."""

    def __init__(self, lab, namespace, interface, expression=""):
        self.path = os.path.join(lab.run_dir, f"{interface}-{len(os.listdir(lab.run_dir))}.pcap")
        argv = ["tcpdump", "-i", interface, "-U", "--immediate-mode", "-s0", "-Z", "root", "-w", self.path]
        self._tcpdump = lab.processes.start(f"tcpdump-{interface}", namespace.argv(argv + expression.split()))
        wait_until(f"tcpdump on {interface}", lambda: "listening on" in self._tcpdump.log)

    def packets(self, expression="", verbose=False):
        """One string for each captured packet that the expression takes."""
        argv = ["tcpdump", "-r", self.path, "-n", "-t", *(["-v"] if verbose else []), *expression.split()]
        lines = run(argv, check=False).stdout.splitlines()
        packets = []
        for line in lines:
            if line.startswith(("reading from file", "tcpdump: ")):
                continue
            if line[:1].isspace() and packets:
                packets[-1] += " " + line.strip()
            else:
                packets.append(line)
        return packets

    def wait_for(self, text, expression="", timeout_s=10):
        """The first packet whose verbose text holds the given one."""
        def seen():
            return next((p for p in self.packets(expression, verbose=True) if text in p), None)
        return wait_until(f"a packet with {text!r} in {self.path}", seen, timeout_s)

    def wait_for_count(self, count, expression, timeout_s=10):
        wait_until(f"{count} packets of {expression!r} in {self.path}",
                   lambda: len(self.packets(expression)) >= count, timeout_s)

    def stop(self):
        self._tcpdump.signal(signal.SIGINT)
        self._tcpdump.wait(10)
