"""A NAT that understands PPTP: clients dial its address and reach the server from it, each with a call id of the NAT's.

Run in a namespace as: pptp_nat.py ADDRESS SERVER.  Control connections are carried byte for byte but for the client's call id in
Outgoing-Call-Request, Call-Clear-Request, Call-Disconnect-Notify, and in what answers them; GRE by call id.
"""
import selectors
import socket
import struct
import sys

PORT = 1723
GRE = 47
# Where a message has the client's own call id: by direction and control message type (RFC 2637 2).
FROM_CLIENT = {7: 12, 12: 12, 13: 12}
FROM_SERVER = {8: 14, 14: 12, 15: 12}


class Pair:
    """One client's control connection and the one to the server."""

    def __init__(self, nat, client, address):
        self.nat, self.client, self.address = nat, client, address[0]
        self.server = socket.create_connection((nat.server, PORT), source_address=(nat.address, 0))
        self.waiting = {client: b"", self.server: b""}

    def carry(self, source):
        """One side's end is the other's; of the others it ends none."""
        try:
            data = source.recv(65536)
            if data:
                self.pass_on(source, data)
            else:
                self.close()
        except ConnectionError:
            self.close()

    def pass_on(self, source, data):
        self.waiting[source] += data
        while len(self.waiting[source]) >= 12:
            length, _, _, kind = struct.unpack(">HHIH", self.waiting[source][:10])
            if len(self.waiting[source]) < length:
                return
            message = bytearray(self.waiting[source][:length])
            self.waiting[source] = self.waiting[source][length:]
            self.translate(message, kind, source is self.client)
            (self.server if source is self.client else self.client).sendall(message)

    def translate(self, message, kind, from_client):
        at = (FROM_CLIENT if from_client else FROM_SERVER).get(kind)
        if at is None:
            return
        call_id, = struct.unpack_from(">H", message, at)
        struct.pack_into(">H", message, at, self.nat.outside(self.address, call_id) if from_client else
                         self.nat.inside[call_id][1])

    def close(self):
        for one in (self.client, self.server):
            self.nat.selector.unregister(one)
            one.close()


class Nat:
    def __init__(self, address, server):
        self.address, self.server = address, server
        self.inside = {}  # call id outside -> (client, its own call id)
        self.selector = selectors.DefaultSelector()
        self.gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, GRE)
        self.gre.bind((address, 0))
        listener = socket.create_server((address, PORT))
        self.selector.register(listener, selectors.EVENT_READ, self.accept)
        self.selector.register(self.gre, selectors.EVENT_READ, self.forward)

    def outside(self, client, call_id):
        for number, known in self.inside.items():
            if known == (client, call_id):
                return number
        number = 40000 + len(self.inside)
        self.inside[number] = (client, call_id)
        return number

    def accept(self, listener):
        pair = Pair(self, *listener.accept())
        for one in (pair.client, pair.server):
            self.selector.register(one, selectors.EVENT_READ, pair.carry)

    def forward(self, gre):
        packet, (source, _) = gre.recvfrom(65536)
        body = bytearray(packet[(packet[0] & 15) * 4:])
        if source != self.server:
            gre.sendto(body, (self.server, 0))
            return
        call_id, = struct.unpack_from(">H", body, 6)
        if call_id in self.inside:
            client, own = self.inside[call_id]
            struct.pack_into(">H", body, 6, own)
            gre.sendto(body, (client, 0))

    def run(self):
        print("ready", flush=True)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj.fileno() >= 0:
                    key.data(key.fileobj)


if __name__ == "__main__":
    Nat(*sys.argv[1:3]).run()
