"""What a guest does without an address, and its host's part: to hand on what the guest asks.

A guest broadcasts, on a bridge of its host; the host is the relay that the server speaks to.
"""

import logging
import secrets
import socket
import time
from dataclasses import dataclass

from stratus.dhcp.message import Kind, Message, Option, address, unpack
from stratus.drivers.hardware import Link

_LOG = logging.getLogger("stratus.agent")
_TRIES, _SECONDS = 3, 1.0
_LARGEST = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What a guest was given."""

    address: str
    #: what it shall be called; empty: what it is called already
    host_name: str


def lease(link: Link, mac: str) -> Lease | None:
    """Return what the network of `link` gives to a card; None, and a line in the log: nothing."""
    host, _, port = link.dhcp.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.connect((host, int(port)))
        asked = Message(
            kind=Kind.DISCOVER, exchange=secrets.randbits(32), mac=mac, relay=link.gateway
        )
        offered = _answer(wire, asked)
        wanted = {Option.ADDRESS: address(offered.given)} if offered else {}
        given = offered and _answer(
            wire,
            Message(
                kind=Kind.REQUEST,
                exchange=asked.exchange,
                mac=mac,
                relay=link.gateway,
                options=wanted,
            ),
        )
    if given is None or given.kind is not Kind.ACK:
        _LOG.error("no lease for %s on %s from %s", mac, link.bridge, link.dhcp)
        return None
    name = given.options.get(Option.HOST_NAME, b"").decode()
    return Lease(address=given.given, host_name=name)


def _answer(wire: socket.socket, asked: Message) -> Message | None:
    """Return what the server says to it, asked again if need be; None if it says nothing."""
    for _ in range(_TRIES):
        end = time.monotonic() + _SECONDS
        try:
            wire.send(asked.pack())
            return _heard(wire, asked.exchange, end)
        except (OSError, ValueError):
            time.sleep(max(0.0, end - time.monotonic()))
    return None


def _heard(wire: socket.socket, exchange: int, end: float) -> Message:
    """Return the first message of the exchange; raise `OSError` if none comes before `end`."""
    while True:
        wire.settimeout(max(0.001, end - time.monotonic()))
        said = unpack(wire.recv(_LARGEST))
        if said.exchange == exchange:
            return said
