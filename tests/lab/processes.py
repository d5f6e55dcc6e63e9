"""The lab's child processes.  Each is recorded when it starts, and only recorded ones are ever signalled.

A child leads a session of its own, so that its children end with it, and gets SIGKILL when the test run dies.
"""
import ctypes
import os
import signal
import subprocess
import threading

from wait import LabError, wait_until

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def _die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def on_signals(numbers, handler):
    """What the signals do from now on.  Only the main thread may say so, and a worker of xdist may have another for its tests."""
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            signal.signal(number, handler)


class Process:
    """One running program; its output, both streams, is in a log file."""

    def __init__(self, argv, log, stdin=subprocess.DEVNULL, env=None):
        self.argv = argv
        self.log_path = log
        with open(log, "ab") as output:
            self._child = subprocess.Popen(argv, stdin=stdin, stdout=output, stderr=output, env=env,
                                           start_new_session=True, preexec_fn=_die_with_parent)
        self.pid = self._child.pid
        self.stdin = self._child.stdin

    @property
    def running(self):
        return self._child.poll() is None

    @property
    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def signal(self, number):
        if self.running:
            os.kill(self.pid, number)

    def wait(self, timeout_s):
        """The exit status, negative for a signal; LabError when it does not end in time."""
        wait_until(f"end of {self.argv}", lambda: not self.running, timeout_s)
        return self._child.returncode

    def kill(self):
        """Ends the program and what it started, at once."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()
        if self.stdin:
            self.stdin.close()


class Processes:
    """All that one lab has started."""

    def __init__(self, run_dir):
        self._run_dir = run_dir
        self._started = []

    def start(self, name, argv, **options):
        number = len(self._started)
        process = Process(argv, os.path.join(self._run_dir, f"{number:02d}-{name}.log"), **options)
        self._started.append(process)
        return process

    def kill_all(self):
        for process in reversed(self._started):
            process.kill()


def run(argv, timeout_s=30, check=True, **options):
    """Runs a short command to its end; its output is in .stdout, both streams."""
    result = subprocess.run(argv, stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=timeout_s, **options)
    if check and result.returncode:
        raise LabError(f"{' '.join(argv)}: status {result.returncode}\n{result.stdout}")
    return result
