"""A NAT for UDP, as a program: who sends to its address reaches the BRAS from a port of the NAT's own.

    nat.py ADDRESS BRAS PORT

Every client (address and port) gets a port, in order of appearance; SIGUSR1 makes it forget them all, so that the next
datagram of each gets another one, and what the BRAS sends to the old one is lost.  It needs nothing of the kernel.
"""
import selectors
import signal
import socket
import sys


class Nat:
    def __init__(self, address, bras, port):
        self._bras = (bras, port)
        self._address = address
        self._waiter = selectors.DefaultSelector()
        self._ports = {}
        self._inside = self._open(port)
        self._waiter.register(self._inside, selectors.EVENT_READ)

    def _open(self, port):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((self._address, port))
        return made

    def forget(self, *_):
        for port in self._ports.values():
            self._waiter.unregister(port)
            port.close()
        self._ports = {}

    def _port_of(self, client):
        if client not in self._ports:
            self._ports[client] = self._open(0)
            self._waiter.register(self._ports[client], selectors.EVENT_READ, client)
            print(f"{client[0]}:{client[1]} is {self._ports[client].getsockname()[1]}", flush=True)
        return self._ports[client]

    def run(self):
        while True:
            for key, _ in self._waiter.select():
                if key.fileobj is self._inside:
                    data, client = self._inside.recvfrom(65535)
                    self._port_of(client).sendto(data, self._bras)
                elif key.fileobj.fileno() >= 0:
                    try:
                        data, sender = key.fileobj.recvfrom(65535)
                    except ConnectionRefusedError:
                        continue
                    if sender == self._bras:
                        self._inside.sendto(data, key.data)


if __name__ == "__main__":
    nat = Nat(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    signal.signal(signal.SIGUSR1, nat.forget)
    print("ready", flush=True)
    nat.run()
