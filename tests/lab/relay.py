"""What may stand between a client and the BRAS, on the guests' wire: a load balancer, or somebody in the middle."""
import socket
import ssl
import struct
import threading

ADDRESS = "10.77.0.98"
READ = 65536


def proxy_header(source, target):
    """PROXY protocol version 2, section 2.2, for two (address, port): command PROXY, TCP over IPv4 or IPv6."""
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    where = b"".join(socket.inet_pton(family, address) for address, _ in (source, target))
    where += struct.pack("!HH", source[1], target[1])
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, kind, len(where)) + where


class Relay:
    """Takes one connection to ADDRESS and carries it on to `target`, both ways, until either side closes.

    header(peer): what is said to the target first, as a balancer does.  certificate: it ends the client's TLS with it and
    makes its own to the target: somebody in the middle, whom a client that does not check certificates takes for us."""

    def __init__(self, lab, target, port=443, header=None, certificate=None):
        self._lab, self._target, self._header, self._certificate = lab, (target, port), header, certificate
        self._sockets = []
        lab.access.run(f"ip addr replace {ADDRESS}/24 dev br-acc")
        with lab.access.inside():
            self._listener = socket.create_server((ADDRESS, 443))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            client, peer = self._listener.accept()
            with self._lab.access.inside():
                server = socket.create_connection(self._target)
            self._sockets += [client, server]
            if self._header:
                server.sendall(self._header(peer))
            if self._certificate:
                client, server = self._in_the_middle(client, server)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()
        except OSError:
            return  # closed

    def _in_the_middle(self, client, server):
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(self._certificate.certificate, self._certificate.key)
        taken = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        taken.check_hostname = False
        taken.verify_mode = ssl.CERT_NONE
        ends = [shown.wrap_socket(client, server_side=True), taken.wrap_socket(server)]
        self._sockets += ends
        return ends

    @staticmethod
    def _carry(source, sink):
        try:
            while part := source.recv(READ):
                sink.sendall(part)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for one in (self._listener, *self._sockets):
            one.close()
        self._lab.access.run(f"ip addr del {ADDRESS}/24 dev br-acc")
