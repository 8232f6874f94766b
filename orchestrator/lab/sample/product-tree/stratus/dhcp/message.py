"""The messages that a lease takes, as they are on the wire."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address

NOWHERE = "0.0.0.0"  # noqa: S104  # the protocol's word for no address
_HEAD = struct.Struct("!BBBBIHH4s4s4s4s16s192x4s")
_COOKIE = bytes((99, 130, 83, 99))
_ASKED, _ANSWERED, _ETHERNET, _MAC_BYTES = 1, 2, 1, 6
_PAD, _END = 0, 255


class Kind(IntEnum):
    """What a message is for."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    ACK = 5
    NAK = 6


class Option(IntEnum):
    """What it may say besides."""

    NETMASK = 1
    ROUTER = 3
    HOST_NAME = 12
    ADDRESS = 50
    SECONDS = 51
    KIND = 53
    SERVER = 54


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One packet."""

    kind: Kind
    #: number of the exchange, chosen by who asks
    exchange: int
    mac: str
    #: the address that the guest is given
    given: str = NOWHERE
    #: of whom hands it on to the server: an address of the network that the guest is on
    relay: str = NOWHERE
    options: Mapping[Option, bytes] = field(default_factory=dict)

    def pack(self) -> bytes:
        """Return its bytes."""
        head = _HEAD.pack(
            _ASKED if self.kind in {Kind.DISCOVER, Kind.REQUEST} else _ANSWERED,
            _ETHERNET,
            _MAC_BYTES,
            int(self.relay != NOWHERE),
            self.exchange,
            0,
            0,
            address(NOWHERE),
            address(self.given),
            address(NOWHERE),
            address(self.relay),
            bytes.fromhex(self.mac.replace(":", "")),
            _COOKIE,
        )
        options = {Option.KIND: bytes([self.kind]), **self.options}
        told = b"".join(bytes([code, len(data)]) + data for code, data in options.items())
        return head + told + bytes([_END])


def unpack(data: bytes) -> Message:
    """Return the message that `pack` wrote; raise `ValueError` for anything else."""
    try:
        fields = _HEAD.unpack_from(data)
        if fields[-1] != _COOKIE:
            raise ValueError("no DHCP message: the cookie is missing")
        options = dict(_options(data[_HEAD.size :]))
        kind = Kind(options.pop(Option.KIND)[0])
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"no DHCP message: {error}") from error
    return Message(
        kind=kind,
        exchange=fields[4],
        mac=fields[11][:_MAC_BYTES].hex(":"),
        given=str(IPv4Address(fields[8])),
        relay=str(IPv4Address(fields[10])),
        options=options,
    )


def address(text: str) -> bytes:
    """Return an address as options hold it."""
    return IPv4Address(text).packed


def _options(data: bytes) -> Iterator[tuple[Option, bytes]]:
    at = 0
    while data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        length = data[at + 1]
        if data[at] in set(Option):
            yield Option(data[at]), data[at + 2 : at + 2 + length]
        at += 2 + length
