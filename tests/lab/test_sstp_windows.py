"""A Windows 10 client's exchange with another server, from that server's log, through our TCP and TLS."""
import struct

import pytest

from bras import GATEWAY
from certificate import Certificate
from sstp_client import (CONF_ACK, CONF_NAK, CONF_REJ, CONF_REQ, DISCONNECT, IPCP, IPV6CP, LCP, PAP, PROTO_REJ, TERM_ACK,
                         TERM_REQ, address, option, options)

WINDOWS_10 = [("10.78.1.0/24", "10.78.1.5-10.78.1.8"),
              ('name-server = [ "192.0.2.53" ];', ""),
              ("ppp-options = {", 'ppp-options = { ipv4 = "prefer"; ipv6 = "deny"; pcomp = "deny"; accomp = "deny";')]
MAGIC = option(5, bytes.fromhex("345f64ca"))


@pytest.mark.asan
def test_windows_10(start_bras, dial_scripted, tmp_path):
    """What a Windows 10 client said to accel-ppp over SSTP, as VyOS's documentation shows its log: the first
    Configure-Request of the server lost, three requests of the client, two Identifications, PAP, Call Connected before
    IPCP, IPV6CP that nobody has, name servers that are not to be had."""
    shown = Certificate(str(tmp_path))
    bras = start_bras(protocols=("pap",), change=WINDOWS_10, extra=(
        f'sstp = {{ certificate = "{shown.certificate}"; private-key = "{shown.key}"; mtu = 1452; }};'))
    client = dial_scripted().handshake().call()
    ours = client.hear(LCP, CONF_REQ, polite=False)
    asked = dict(options(ours[3]))
    assert asked[3] == struct.pack("!H", PAP) and asked[1] == struct.pack("!H", 1452) and set(asked) == {1, 3, 5}
    client.say(LCP, CONF_REQ, 0, option(1, b"\x0f\xfb") + MAGIC + bytes.fromhex("07020802") + option(13, b"\6"))
    rejected = client.hear(LCP, CONF_REJ, polite=False)
    assert rejected[2:] == (0, bytes.fromhex("07020802") + option(13, b"\6"))
    client.say(LCP, CONF_REQ, 1, option(1, b"\x0f\xfb") + MAGIC)
    assert client.hear(LCP, CONF_NAK, polite=False)[2:] == (1, option(1, b"\x05\xac"))
    client.say(LCP, CONF_REQ, 2, option(1, b"\x05\xac") + MAGIC)
    assert client.hear(LCP, CONF_ACK, polite=False)[2:] == (2, option(1, b"\x05\xac") + MAGIC)
    again = client.heard(LCP, CONF_REQ) or client.hear(LCP, CONF_REQ, polite=False)
    assert again[3] == ours[3]
    client.say(LCP, CONF_ACK, again[2], again[3])
    client.say(LCP, 12, 3, MAGIC[2:] + b"MSRASV5.20")
    client.say(LCP, 12, 4, MAGIC[2:] + b"MSRAS-0-MSEDGEWIN10")
    client.say(PAP, 1, 3, b"\5alice\x0awonderland")
    assert client.hear(PAP, polite=False)[1:] == (2, 3, b"\x18Authentication succeeded")
    client.connected()
    ours = client.hear(IPCP, CONF_REQ, polite=False)
    assert ours[3] == option(3, address(GATEWAY))
    client.say(IPV6CP, CONF_REQ, 6, option(1, bytes(7) + b"\1"))
    assert client.hear(LCP, polite=False)[1] == PROTO_REJ
    names = [option(kind, bytes(4)) for kind in (129, 130, 131, 132)]
    client.say(IPCP, CONF_REQ, 7, option(3, bytes(4)) + b"".join(names))
    assert client.hear(IPCP, CONF_REJ, polite=False)[2:] == (7, b"".join(names))
    client.say(IPCP, CONF_ACK, ours[2], ours[3])
    client.say(IPCP, CONF_REQ, 8, option(3, bytes(4)))
    assert client.hear(IPCP, CONF_NAK)[2:] == (8, option(3, address("10.78.1.5")))
    client.say(IPCP, CONF_REQ, 9, option(3, address("10.78.1.5")))
    assert client.hear(IPCP, CONF_ACK)[2:] == (9, option(3, address("10.78.1.5")))
    client.address = "10.78.1.5"
    assert bras.session_of("alice")["ifname"] == "sstp0"
    assert client.ping(GATEWAY) == 3
    client.say(LCP, TERM_REQ, 10, MAGIC[2:] + bytes.fromhex("003ccd7400000000"))
    assert client.hear(LCP, TERM_ACK)[2] == 10
    client.wait_control(DISCONNECT)
    bras.wait_log("sstp0:alice: ended: peer terminated the link")
    client.close()
    bras.wait_everything_returned()
