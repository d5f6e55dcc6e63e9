"""An SSTP client of the tests' own: Python's TLS, and [MS-SSTP] and PPP by hand, so that every byte of it may be wrong.

Its sockets are made in the namespace of the guests' wire; it runs in the test's own process.
"""
import array
import contextlib
import fcntl
import hashlib
import hmac
import os
import socket
import ssl
import struct
import termios
import time

from network import ACCESS_BRAS
from wait import LabError, wait_until

SCRIPTED, SCRIPTED6 = "10.77.0.99", "fd77::63"  # where it comes from
TIMEOUT_S = 20
READ = 65536
HTTP = ("SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
        "SSTPCORRELATIONID: {48B82435-099A-4158-A987-052E7570CFAA}\r\nContent-Length: 18446744073709551615\r\n"
        "Host: %s\r\n\r\n")
REQUEST, ACK, NAK, CONNECTED, ABORT, DISCONNECT, DISCONNECT_ACK, ECHO_REQUEST, ECHO_RESPONSE = range(1, 10)
LCP, PAP, CHAP, IPCP, IPV6CP, CCP, IP4 = 0xc021, 0xc023, 0xc223, 0x8021, 0x8057, 0x80fd, 0x0021
CONF_REQ, CONF_ACK, CONF_NAK, CONF_REJ, TERM_REQ, TERM_ACK, CODE_REJ, PROTO_REJ = range(1, 9)
CHAP_MD5 = struct.pack("!HB", CHAP, 5)
CMK_SEED = b"SSTP inner method derived CMK"


def trusting(**options):
    """A context that takes every certificate; options: attributes of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in options.items():
        setattr(context, name, value)
    return context


def ancient(version):
    """A context of a client that is as old as TLS 1.0 or 1.1."""
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def control(kind, *attributes):
    """A control message of (id, value) attributes."""
    body = b"".join(struct.pack("!BBH", 0, number, 4 + len(value)) + value for number, value in attributes)
    return struct.pack("!HHHH", 0x1001, 8 + len(body), kind, len(attributes)) + body


def data(frame):
    return struct.pack("!HH", 0x1000, 4 + len(frame)) + frame


def ppp(protocol, code, number, body=b""):
    return struct.pack("!BBHBBH", 0xff, 3, protocol, code, number, 4 + len(body)) + body


def option(kind, value):
    return bytes([kind, 2 + len(value)]) + value


def options(body):
    """The options of a Configure-Request and its like: [(kind, value)]."""
    found = []
    while body:
        found.append((body[0], body[2:body[1]]))
        body = body[body[1]:]
    return found


def checksum(packet):
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)


def echo_request(source, target, number, size=56):
    """An IPv4 packet: ICMP echo with an even size of data."""
    icmp = struct.pack("!BBHHH", 8, 0, 0, 0x5354, number) + bytes(size)
    icmp = icmp[:2] + checksum(icmp) + icmp[4:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), number, 0, 64, 1, 0) + address(source) + address(target)
    return head[:10] + checksum(head) + head[12:] + icmp


def address(text):
    return socket.inet_aton(text)


def call_connected(nonce, certificate, *, algorithm="sha256", hlak=bytes(32)):
    """Call Connected with its crypto binding; the keys of PAP and CHAP with MD5 are zeros ([MS-SSTP] 3.2.5.2.2)."""
    size = hashlib.new(algorithm).digest_size
    shown = hashlib.new(algorithm, certificate).digest().ljust(32, b"\0")
    bit = 2 if algorithm == "sha256" else 1

    def message(mac):
        return control(CONNECTED, (3, bytes([0, 0, 0, bit]) + nonce + shown + mac))
    key = hmac.digest(hlak, CMK_SEED + struct.pack("<HB", size, 1), algorithm)
    return message(hmac.digest(key, message(bytes(32)), algorithm).ljust(32, b"\0"))


class SstpClient:
    """One connection, at most one call.  `segments`: how bytes of TLS records are cut before they are sent; one byte of
    a list goes out when TCP's peer has acknowledged the one before."""

    def __init__(self, lab, server=ACCESS_BRAS, port=443, *, context=None, server_name=None, first=b"", segments=None,
                 host=None):
        self.host = host or server
        self.address = None
        self.certificate = None
        self.nonce = None
        self.passed = []  # frames that hear() has passed over
        self.segments = segments
        self._numbers = 0
        self._buffer = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = (context or trusting()).wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        with lab.access.inside():
            self.socket = socket.create_connection((server, port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if first:
            self.socket.sendall(first)

    # --- TCP and TLS

    def write(self, wire):
        for piece in self.segments(wire) if self.segments else [wire]:
            self.socket.sendall(piece)
            if self.segments:
                self._wait_acknowledged()

    def _wait_acknowledged(self):
        deadline, count = time.monotonic() + TIMEOUT_S, array.array("i", [1])
        while count[0]:
            fcntl.ioctl(self.socket, termios.TIOCOUTQ, count)
            if time.monotonic() > deadline:
                raise LabError(f"{count[0]} bytes are not acknowledged")
            time.sleep(0.0002)

    def segments_sent(self):
        """TCP_INFO's tcpi_data_segs_out."""
        return struct.unpack_from("I", self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), 156)[0]

    def _read_wire(self):
        wire = self.socket.recv(READ)
        if wire:
            self._incoming.write(wire)
        else:
            self._incoming.write_eof()
        return wire

    def handshake(self):
        """The alert that a failure makes us say is sent before the failure is raised."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.write(self._outgoing.read())
                self._read_wire()
            except ssl.SSLError:
                with contextlib.suppress(OSError):  # whoever refused us may be gone
                    self.write(self._outgoing.read())
                raise
        self.certificate = self._tls.getpeercert(binary_form=True)
        return self

    @property
    def version(self):
        return self._tls.version()

    def seal(self, plaintext):
        """The bytes on the wire: one record, if it is no more than 16 KiB; what the handshake owed is in front."""
        self._tls.write(plaintext)
        return self._outgoing.read()

    def send(self, plaintext):
        self.write(self.seal(plaintext))

    def _more(self):
        """Reads on; False when the server has closed."""
        try:
            part = self._tls.read(READ)
        except ssl.SSLWantReadError:
            self._read_wire()
            return True
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError, ConnectionResetError):
            return False
        self._buffer += part
        return bool(part)

    def wait_control(self, kind):
        """Reads until that control message has come, past all else."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if self.packet()[0] == kind:
                return
        raise TimeoutError(f"no control message {kind}")

    # --- SSTP

    def _until(self, complete):
        while not complete():
            try:
                if not self._more():
                    raise EOFError(f"the server has closed; left: {self._buffer.hex()}")
            except ConnectionResetError as error:
                raise EOFError(str(error)) from None

    def http(self):
        """The HTTP exchange; the head of the answer."""
        self.send((HTTP % self.host).encode())
        self._until(lambda: b"\r\n\r\n" in self._buffer)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head.decode()

    def packet(self):
        """The next packet: (kind of control message, attributes) or (None, PPP frame).  EOFError at the end."""
        self._until(lambda: len(self._buffer) >= 4 and len(self._buffer) >= struct.unpack("!H", self._buffer[2:4])[0])
        length = struct.unpack("!H", self._buffer[2:4])[0]
        packet, self._buffer = self._buffer[:length], self._buffer[length:]
        if packet[1] & 1:
            return struct.unpack("!H", packet[4:6])[0], packet[8:]
        return None, packet[4:]

    def call(self):
        """HTTP and Call Connect Request; PPP begins."""
        assert self.http().startswith("HTTP/1.1 200 ")
        self.send(control(REQUEST, (1, b"\0\1")))
        kind, body = self.packet()
        assert kind == ACK and body[:8] == b"\0\4\0\x28\0\0\0\3", (kind, body)
        self.nonce = body[8:40]
        return self

    def connected(self, **how):
        """Call Connected; how: of call_connected()."""
        self.send(call_connected(self.nonce, self.certificate, **how))

    # --- PPP

    def number(self):
        self._numbers += 1
        return self._numbers

    def say(self, protocol, code, number, body=b""):
        self.send(data(ppp(protocol, code, number, body)))

    def frame(self):
        """The next PPP frame of the server: (protocol, code, identifier, body), for IPv4 (protocol, packet)."""
        while True:
            kind, frame = self.packet()
            if kind == ECHO_REQUEST:
                self.send(control(ECHO_RESPONSE))
            elif kind is not None:
                raise LabError(f"control message {kind} instead of a PPP frame: {frame.hex()}")
            else:
                frame = frame.removeprefix(b"\xff\x03")
                protocol = struct.unpack("!H", frame[:2])[0]
                if protocol == IP4:
                    return protocol, frame[2:]
                return protocol, frame[2], frame[3], frame[6:2 + struct.unpack("!H", frame[4:6])[0]]

    def hear(self, protocol, *codes, polite=True):
        """The next frame of that protocol and one of the codes; others are passed over.  Polite: Configure-Requests on the
        way are agreed to."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            frame = self.frame()
            if frame[0] == protocol and (not codes or frame[1] in codes):
                return frame
            self.passed.append(frame)
            if polite and frame[0] in (LCP, IPCP) and frame[1] == CONF_REQ:
                self.say(frame[0], CONF_ACK, frame[2], frame[3])
        raise TimeoutError(f"no frame of protocol {protocol:#x} with a code of {codes}")

    def heard(self, protocol, code):
        """The newest of such frames that hear() has passed over; None: there was none."""
        return next((frame for frame in reversed(self.passed) if frame[:2] == (protocol, code)), None)

    def lcp(self, mru=1400, chap=False):
        """Until both sides have agreed; the options of the server's request.  chap: any authentication but CHAP with MD5
        is refused."""
        self.say(LCP, CONF_REQ, self.number(), option(1, struct.pack("!H", mru)) + option(5, os.urandom(4)))
        theirs, ours = None, False
        while not theirs or not ours:
            _, code, number, body = self.hear(LCP, CONF_REQ, CONF_ACK)
            if code == CONF_ACK:
                ours = True
            elif chap and dict(options(body))[3] != CHAP_MD5:
                self.say(LCP, CONF_NAK, number, option(3, CHAP_MD5))
            else:
                theirs = options(body)
                self.say(LCP, CONF_ACK, number, body)
        return theirs

    def authenticate(self, user="alice", password="wonderland"):
        """PAP."""
        user, password = user.encode(), password.encode()
        self.say(PAP, 1, self.number(), bytes([len(user)]) + user + bytes([len(password)]) + password)
        return self.hear(PAP, 2, 3)[1] == 2

    def answer_challenge(self, user="alice", password="wonderland"):
        """CHAP with MD5 (RFC 1994 4.1)."""
        _, _, number, body = self.hear(CHAP, 1)
        value = hashlib.md5(bytes([number]) + password.encode() + body[1:1 + body[0]]).digest()
        self.say(CHAP, 2, number, b"\x10" + value + user.encode())
        return self.hear(CHAP, 3, 4)[1] == 3

    def ipcp(self):
        self.say(IPCP, CONF_REQ, self.number(), option(3, bytes(4)))
        body = self.hear(IPCP, CONF_NAK)[3]
        self.say(IPCP, CONF_REQ, self.number(), body)
        self.hear(IPCP, CONF_ACK)
        self.address = socket.inet_ntoa(dict(options(body))[3])
        return self.address

    def online(self, *, bound="early", chap=False, **binding):
        """All of it, to an address.  bound: Call Connected before IPCP ("early"), after it ("late"), or None."""
        self.handshake().call().lcp(chap=chap)
        assert self.answer_challenge() if chap else self.authenticate()
        if bound == "early":
            self.connected(**binding)
        self.ipcp()
        if bound == "late":
            self.connected(**binding)
        return self

    def ping(self, target, count=3, size=56):
        """How many of so many echo requests, all sent before the first answer is looked at, are answered."""
        for number in range(count):
            self.send(data(b"\xff\x03\0\x21" + echo_request(self.address, target, number, size)))
        return self.echoes(count)

    def reach(self, target):
        """Asks until there is an answer: the server's gate opens some time after Call Connected has come."""
        self.socket.settimeout(1)
        try:
            wait_until(f"an answer of {target}", lambda: self.ping(target, count=1), TIMEOUT_S)
        finally:
            self.socket.settimeout(TIMEOUT_S)

    def echoes(self, count):
        """Reads until so many echo replies have come, or nothing does any more."""
        seen = set()
        with contextlib.suppress(TimeoutError):
            while len(seen) < count:
                packet = self.hear(IP4)[1]
                if packet[9] == 1 and packet[20] == 0:
                    seen.add(packet[26:28])
        return len(seen)

    def close(self):
        self.socket.close()
