"""The lab without Millrace: its subscriber against an LNS that nobody here wrote.

When this passes and another test fails, the lab is not to blame.
"""
LNS_ADDRESS = "10.77.0.12"
LNS_CONF = """\
[global]
port = 1701
force userspace = no
access control = no
[lns default]
ip range = 10.90.1.1-10.90.1.9
local ip = 10.90.0.1
require chap = yes
ppp debug = yes
pppoptfile = /run/lns/ppp
"""


def start_lns(guest):
    return guest.start(
        "mkdir -p /run/lns /etc/ppp\n"
        f"cat > /run/lns/conf <<'END'\n{LNS_CONF}END\n"
        "printf 'auth\\nrequire-chap\\nms-dns 192.0.2.53\\n' > /run/lns/ppp\n"
        "echo 'alice * wonderland *' > /etc/ppp/chap-secrets\n"
        "exec xl2tpd -D -c /run/lns/conf -C /run/lns/control -p /run/lns/pid")


def test_subscriber_against_xl2tpd(lab, subscribe, access_wire):
    bob = lab.guests["bob"]
    lns = start_lns(bob)
    try:
        alice = subscribe("alice", lns=LNS_ADDRESS).connect()
        assert alice.address == "10.90.1.1"
        assert "5 received" in alice.ping("10.90.0.1")
        alice.hang_up()
        access_wire.wait_for("*MSGTYPE(StopCCN)", "udp port 1701")
    finally:
        bob.run("kill $(cat /run/lns/pid)")
        lns.wait()
