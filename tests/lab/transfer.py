"""Moves bytes over one TCP connection and compares SHA-256 at both ends.

    transfer.py serve PORT                     answers for ever
    transfer.py up|down HOST PORT SIZE         one transfer; status 0 when size and SHA-256 agree

The client says "up SIZE" or "down SIZE" in a line of its own; the sender sends SIZE bytes, then each side learns the
other's SHA-256: the receiver answers or the sender appends it, in hex with a line end.  Runs on the host and, from the
same file, in guests; SIZE bytes are generated from a fixed pattern that no block repeats.
"""
import hashlib
import socket
import sys
import time

BLOCK = 65536
PATTERN = hashlib.shake_256(b"millrace").digest(BLOCK)


def blocks(size):
    """SIZE bytes in blocks; each starts with its own number, so that a lost or swapped one shows."""
    for number in range((size + BLOCK - 1) // BLOCK):
        block = number.to_bytes(8, "big") + PATTERN[8:]
        yield block[:min(BLOCK, size - number * BLOCK)]


def send(connection, size):
    digest = hashlib.sha256()
    for block in blocks(size):
        digest.update(block)
        connection.sendall(block)
    return digest.hexdigest()


def receive(stream, size):
    digest = hashlib.sha256()
    while size:
        block = stream.read1(min(BLOCK, size))
        if not block:
            break
        size -= len(block)
        digest.update(block)
    return digest.hexdigest()


def answer(connection):
    with connection, connection.makefile("rb") as stream:
        direction, size = stream.readline().split()
        if direction == b"up":
            connection.sendall(receive(stream, int(size)).encode() + b"\n")
        else:
            connection.sendall(send(connection, int(size)).encode() + b"\n")


def serve(port):
    with socket.create_server(("0.0.0.0", port)) as server:
        print("ready", flush=True)
        while True:
            try:
                answer(server.accept()[0])
            except (OSError, ValueError) as error:
                print(f"transfer failed: {error}", flush=True)


def transfer(direction, host, port, size):
    start = time.monotonic()
    with socket.create_connection((host, port), timeout=60) as connection, connection.makefile("rb") as stream:
        connection.sendall(f"{direction} {size}\n".encode())
        ours = send(connection, size) if direction == "up" else receive(stream, size)
        theirs = stream.readline().decode().strip()
    print(f"{direction} {size} bytes in {time.monotonic() - start:.1f} s, sha256 {ours} here, {theirs} there")
    return ours == theirs


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    sys.exit(0 if transfer(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])) else 1)
