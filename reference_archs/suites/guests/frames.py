"""Listens on a node's card for what a guest sends."""

from guest import PORT, Nic
from node import Node

_SECONDS = 60
#: runs on the node. The guest lets its neighbours hear it whenever somebody connects to it.
_LISTEN = f"""
import socket, sys, time
card, mac, address = sys.argv[1:]
give_up = time.monotonic() + {_SECONDS}
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as ear:
    ear.bind((card, 3))
    ear.settimeout({_SECONDS})
    with socket.create_connection((address, {PORT}), {_SECONDS}) as guest:
        while guest.recv(4096):
            pass
    while time.monotonic() < give_up:
        frame = ear.recv(2048)
        if frame[:6] == b"\\xff" * 6 and frame[6:12] == bytes.fromhex(mac.replace(":", "")):
            tagged = frame[12:14] == b"\\x81\\x00"
            print(int.from_bytes(frame[14:16], "big") & 0xFFF if tagged else 0)
            break
"""


def heard(node: Node, card: str, nic: Nic) -> int | None:
    """Return the 802.1Q tag (0: none) that a guest's broadcast has on `card`, None if silent."""
    said = node.run(["python3", "-", card, nic.mac, nic.ip], stdin=_LISTEN).strip()
    return int(said) if said else None
