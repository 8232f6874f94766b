"""A running guest: a small server on each of its addresses, which tells what the guest finds."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from stratus.drivers.hardware import Hardware, Link, Order

#: what a guest serves: a log-in console, a page
PORTS = (2222, 8080)
_SECONDS = 5.0


class Guest:
    """Answers on the ports that its security groups let in; to all others it is not there."""

    def __init__(self) -> None:
        """Serve nothing yet."""
        self._banner = b""
        self._doors: dict[tuple[str, int], socket.socket] = {}

    def run(self, order: Order, hardware: Hardware) -> None:
        """Be the guest of that order on that hardware, whatever it was before."""
        banner = {
            "hostname": hardware.name,
            "macs": hardware.macs,
            "disks": hardware.disks,
            "addresses": [link.address for link in order.links],
            "key_fingerprint": order.fingerprint,
            "metadata": order.metadata,
        }
        self._banner = json.dumps(banner).encode() + b"\n"
        wanted = {door for link in order.links for door in _doors(link)}
        for door in set(self._doors) - wanted:
            _close(self._doors.pop(door))
        for door in wanted - set(self._doors):
            self._open(door)

    def stop(self) -> None:
        """Be gone."""
        for door in list(self._doors):
            _close(self._doors.pop(door))

    def _open(self, door: tuple[str, int]) -> None:
        listener = socket.create_server(door)
        self._doors[door] = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):  # closed by the firewall, or with the guest
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(_SECONDS)
                    connection.sendall(self._banner)


def _doors(link: Link) -> Iterator[tuple[str, int]]:
    for port in PORTS:
        if any(low <= port <= high for low, high in link.allowed):
            yield link.address, port


def _close(listener: socket.socket) -> None:
    # Closing alone would leave accept() waiting in its thread, and the port open.
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
