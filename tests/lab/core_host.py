"""The host on the core side: what subscribers reach through the BRAS."""
import os

from network import CORE_BRAS, CORE_HOST
from wait import wait_until

TRANSFER_PORT = 7001
TRANSFER_SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transfer.py")


class CoreHost:
    address = CORE_HOST

    def __init__(self, lab):
        self._lab = lab
        self._transfer = self.start("transfer", ["/usr/bin/python3", TRANSFER_SERVER, "serve", str(TRANSFER_PORT)])
        wait_until("the transfer server", lambda: "ready" in self._transfer.log)

    def start(self, name, words):
        return self._lab.processes.start(f"core-{name}", self._lab.core.argv(words))

    def run(self, command, **options):
        return self._lab.core.run(command, **options)

    def reaches_bras(self):
        """Whether a ping comes back: both ends have found each other then."""
        return " 1 received" in self.run(f"ping -n -c 1 -W 1 {CORE_BRAS}", check=False)

    def transfer_command(self, direction, size):
        """What a subscriber runs to move that many bytes; it fails unless both ends have the same SHA-256."""
        return f"/usr/bin/python3 {TRANSFER_SERVER} {direction} {CORE_HOST} {TRANSFER_PORT} {size}"
