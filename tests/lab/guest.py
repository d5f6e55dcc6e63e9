"""A User-Mode Linux guest: an ordinary process that is a Debian machine with kernel PPP, on the host's own root.

See uml/init for how it boots, uml/agent for how it takes commands, and uml/xstate.c for what new processors need.
"""
import os
import subprocess
import threading
import time

from bras import BUILD
from processes import run
from wait import LabError, wait_until

UML = "/usr/bin/linux.uml"
UML_FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "uml")
XSTATE = os.path.join(BUILD, "tests/lab/uml/xstate.so")
# Fifty clients of PPTP need 100 MiB beside the system's own; with less the guest reads its programs again and again.
MEMORY = "256M"
MODULES = "ppp_generic,ppp_async,l2tp_ppp"
BOOT_TIMEOUT_S = 180  # two seconds, but for a machine that has other things to do
# About one frame in a hundred that arrives while the guest's network driver finishes its poll raises no interrupt
# there, and waits for the next one.  An empty line typed so often makes the guest look.
NUDGE_S = 0.02
# A guest's memory is a file; the one place that is quick for it may be small in a container.
SHARED_MEMORY = "/dev/shm"
SHARED_MEMORY_MIN = 1536 << 20  # for three labs of two guests each


def memory_directory(otherwise):
    try:
        room = os.statvfs(SHARED_MEMORY)
    except FileNotFoundError:
        return otherwise
    return SHARED_MEMORY if room.f_bavail * room.f_frsize >= SHARED_MEMORY_MIN else otherwise


class Job:
    """A command that runs in a guest."""

    def __init__(self, guest, number, command):
        self._path = os.path.join(guest.run_dir, "jobs", str(number))
        self._guest = guest
        self.command = command
        with open(self._path + ".sh", "w") as file:
            file.write(command + "\n")
        guest.type_line(number)

    @property
    def output(self):
        try:
            with open(self._path + ".out", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def status(self):
        """The exit status, None while it runs."""
        try:
            with open(self._path + ".status") as file:
                return int(file.read())
        except FileNotFoundError:
            return None

    def _ended(self):
        if self.status is None and not self._guest.running:
            raise LabError(f"guest {self._guest.name} died under: {self.command}")
        return self.status is not None

    def wait(self, timeout_s=60):
        wait_until(f"end in guest {self._guest.name} of: {self.command}", self._ended, timeout_s)
        return self.status


class Guest:
    """Boots at construction; booted() waits for its agent."""

    def __init__(self, lab, name, tap, address, memory=MEMORY):
        self.name = name
        self.tap = tap
        self.address = address.partition("/")[0]
        self.run_dir = os.path.join(lab.run_dir, f"guest-{name}-{time.monotonic_ns()}")
        self._ready = os.path.join(self.run_dir, "ready")
        os.makedirs(os.path.join(self.run_dir, "jobs"))
        self._jobs = 0
        words = [UML, f"mem={memory}", "rootfstype=hostfs", "rootflags=/", "ro", f"init={UML_FILES}/init", "quiet",
                 "con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:0,null",
                 f"uml_dir={lab.run_dir}/uml", f"umid={name}",
                 f"vec0:transport=tap,ifname={tap},depth=128,gro=1",
                 f"LAB_DIR={UML_FILES}", f"LAB_OUT={self.run_dir}", f"LAB_NAME={name}", f"LAB_ADDRESS={address}",
                 f"LAB_MODULES={MODULES}"]
        environment = {**os.environ, "TMPDIR": memory_directory(self.run_dir), "LD_PRELOAD": XSTATE}
        self._typing = threading.Lock()
        self._process = lab.processes.start(f"guest-{name}", lab.access.argv(words), stdin=subprocess.PIPE,
                                            env=environment)
        threading.Thread(target=self._nudge, daemon=True).start()

    def _nudge(self):
        try:
            while self.running:
                self.type_line("")
                time.sleep(NUDGE_S)
        except (BrokenPipeError, ValueError):
            return  # its serial line has been closed: it is going down

    @property
    def running(self):
        return self._process.running

    def booted(self):
        def answered():
            if not self.running:
                raise LabError(f"guest {self.name} did not boot:\n{self._process.log[-2000:]}")
            return os.path.exists(self._ready)

        wait_until(f"boot of guest {self.name}", answered, BOOT_TIMEOUT_S)
        return self

    def type_line(self, text):
        with self._typing:
            self._process.stdin.write(f"{text}\n".encode())
            self._process.stdin.flush()

    def start(self, command):
        """Runs a shell command in the background of the guest."""
        self._jobs += 1
        return Job(self, self._jobs, command)

    def run(self, command, timeout_s=60, check=True):
        """Runs a shell command to its end and returns its output."""
        job = self.start(command)
        status = job.wait(timeout_s)
        if check and status:
            raise LabError(f"guest {self.name}: status {status} of: {command}\n{job.output}")
        return job.output

    def cut_power(self):
        """As if its plug were pulled: nothing is said to anybody."""
        self._process.kill()

    def power_off(self, timeout_s=10):
        if not self.running:
            return
        if not os.path.exists(self._ready):
            return self.cut_power()  # it boots, and would hear us only then
        self._process.stdin.close()
        try:
            self._process.wait(timeout_s)
        except LabError:
            self._process.kill()


def missing():
    """Why no guest can run here, or None."""
    if os.geteuid() != 0:
        return "the lab needs root (namespaces, taps): run it with sudo"
    if not os.path.exists(UML):
        return "no /usr/bin/linux.uml: apt-get install user-mode-linux"
    if not os.path.exists(XSTATE):
        return f"{XSTATE} is not built (MILLRACE_BUILD names another build directory)"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun: modprobe tun, or give the container the device"
    if run(["ip", "netns", "list"], check=False).returncode:
        return "network namespaces do not work here (ip netns list)"
    return None
