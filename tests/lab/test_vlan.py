"""A port with several interfaces: subscribers in a VLAN beside those without a tag."""
import pytest

from bras import GATEWAY
from core_host import CoreHost

VLAN = 5
BRAS_IN_VLAN = "10.77.5.2"
INTERFACE = ('addresses = [ "10.77.0.2/24" ]; access = true; },',
             'addresses = [ "10.77.0.2/24" ]; access = true; },\n'
             f'\t{{ name = "access5"; port = "p0"; vlan = {VLAN}; mtu = 1496; addresses = [ "{BRAS_IN_VLAN}/24" ];'
             ' access = true; },')


@pytest.fixture
def tagged(lab):
    """Puts a guest into the VLAN too."""
    guest = lab.guests["alice"]
    guest.run(f"modprobe 8021q && ip link add link vec0 name vec0.{VLAN} type vlan id {VLAN} && "
              f"ip addr add 10.77.5.11/24 dev vec0.{VLAN} && ip link set vec0.{VLAN} mtu 1496 up")
    yield guest
    guest.run(f"ip link delete vec0.{VLAN}")


@pytest.mark.asan
def test_subscribers_with_and_without_a_tag(start_bras, tagged, subscribe, access_wire):
    """Each dials in over its own interface of one port; packets of the size of the MTU pass both."""
    bras = start_bras(change=[INTERFACE])
    alice = subscribe("alice", lns=BRAS_IN_VLAN).connect()
    bob = subscribe("bob", user="bob", password="builder").connect()
    for subscriber in (alice, bob):
        assert "5 received" in subscriber.ping(GATEWAY)
        assert "5 received" in subscriber.ping(CoreHost.address, options="-s 1372 -M do")
    assert "5 received" in alice.ping(bob.address)
    assert "10.77.5.11" in bras.session_of("alice")["calling-sid"]
    assert access_wire.packets(f"vlan {VLAN} and udp port 1701"), "alice's tunnel has its tag on the wire"
    assert access_wire.packets(f"udp port 1701 and host {bob.guest.address}"), "bob's has none"


def test_a_tag_that_no_interface_has(start_bras, tagged, subscribe):
    """Counted, and answered by nobody."""
    bras = start_bras()
    before = bras.dropped("VLAN_UNKNOWN")
    assert " 0 received" in tagged.run(f"ping -n -c 1 -W 1 {BRAS_IN_VLAN}", check=False)
    assert bras.dropped("VLAN_UNKNOWN") > before
