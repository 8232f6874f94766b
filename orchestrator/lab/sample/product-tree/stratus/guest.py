"""A running guest: a small server on each of its addresses, which tells what the guest finds."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from stratus.dhcp.client import Lease, lease
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
        #: by MAC address, of the cards that asked for an address and got one
        self._leases: dict[str, Lease] = {}

    def run(self, order: Order, hardware: Hardware, image: str = "") -> None:
        """Be the guest of that order on that hardware, whatever it was before.

        `image` is the checksum of what it boots.
        """
        links = self._reached(order, hardware)
        named = (given.host_name for given in self._leases.values() if given.host_name)
        banner = {
            "hostname": next(named, hardware.name),
            "image": image,
            "macs": hardware.macs,
            "disks": hardware.disks,
            "addresses": [address for address, _ in links],
            "key_fingerprint": order.fingerprint,
            "metadata": order.metadata,
        }
        self._banner = json.dumps(banner).encode() + b"\n"
        wanted = {door for address, link in links if address for door in _doors(address, link)}
        for door in set(self._doors) - wanted:
            _close(self._doors.pop(door))
        for door in wanted - set(self._doors):
            self._open(door)

    def _reached(self, order: Order, hardware: Hardware) -> list[tuple[str, Link]]:
        """Return the address of each card, empty for one that asked for an address in vain."""
        macs = (*hardware.macs, *[""] * len(order.links))
        cards = list(zip(order.links, macs, strict=False))
        self._leases = {mac: self._leases[mac] for mac in hardware.macs if mac in self._leases}
        for link, mac in cards:
            given = lease(link, mac) if link.dhcp and mac and mac not in self._leases else None
            self._leases |= {mac: given} if given else {}
        return [
            (self._leases[mac].address if mac in self._leases else link.address, link)
            for link, mac in cards
        ]

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


def _doors(address: str, link: Link) -> Iterator[tuple[str, int]]:
    for port in PORTS:
        if any(low <= port <= high for low, high in link.allowed):
            yield address, port


def _close(listener: socket.socket) -> None:
    # Closing alone would leave accept() waiting in its thread, and the port open.
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
