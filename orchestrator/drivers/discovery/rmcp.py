"""Questions over RMCP that a BMC answers to anybody: are you there, and how may one log in?"""

import asyncio
import contextlib
import struct
from typing import cast

from orchestrator.model.discovery import IpmiFound

#: seconds to wait for an answer
ANSWER = 1.0
_ASF = b"\x06\x00\xff\x06\x00\x00\x11\xbe"
_PING = _ASF + b"\x80\x00\x00\x00"
_PONG, _KNOWS_IPMI = 0x40, 0x80
_SESSIONLESS = b"\x06\x00\xff\x07" + bytes(9)
#: Get Channel Authentication Capabilities (IPMI 2.0, section 22.13), of this very channel
_GET_CAPABILITIES, _THIS_CHANNEL, _EXTENDED, _ADMINISTRATOR = 0x38, 0x0E, 0x80, 4
#: the bits of its answer, in their order
_AUTH = ((0, "none"), (1, "md2"), (2, "md5"), (4, "password"), (5, "oem"))
_TWO = 0x02


def _capabilities(channel: int) -> bytes:
    head = b"\x20\x18"
    body = bytes((0x81, 0x04, _GET_CAPABILITIES, channel, _ADMINISTRATOR))
    message = head + _checksum(head) + body + _checksum(body)
    return _SESSIONLESS + bytes((len(message),)) + message


def _checksum(part: bytes) -> bytes:
    return bytes((-sum(part) & 0xFF,))


#: what is sent, one after the other, until the question is answered: BMCs of IPMI 1.5 refuse the
#: question in its later form
_FIRST = (_PING, _capabilities(_EXTENDED | _THIS_CHANNEL))
_OLD = (_capabilities(_THIS_CHANNEL),)


class Ears(asyncio.DatagramProtocol):
    """One socket for all addresses."""

    def __init__(self, port: int) -> None:
        """Take the port at which BMCs are asked."""
        self._port = port
        self._heard: dict[str, asyncio.Queue[bytes]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what packets are sent by."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a packet to who waits for that address."""
        if addr[1] == self._port and (queue := self._heard.get(addr[0])):
            queue.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Take no route for no answer."""

    async def look(self, address: str) -> IpmiFound | None:
        """Return what answers at the address, asked twice at most, else None."""
        queue = self._heard[address] = asyncio.Queue()
        found: IpmiFound | None = None
        try:
            for packets in (_FIRST, _FIRST, _OLD):
                if packets is _OLD and not found:
                    return None
                self._send(address, packets)
                found = await self._answer(queue, found)
                if found and found.version:
                    return found
            return found
        finally:
            del self._heard[address]

    def _send(self, address: str, packets: tuple[bytes, ...]) -> None:
        for packet in packets:
            if self._transport:
                self._transport.sendto(packet, (address, self._port))

    async def _answer(
        self, queue: "asyncio.Queue[bytes]", found: IpmiFound | None
    ) -> IpmiFound | None:
        """Return the best answer that comes in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER):
                while not (found and found.version):
                    found = _read(await queue.get(), self._port) or found
        return found


def _read(packet: bytes, port: int) -> IpmiFound | None:
    """Return what a packet says of a BMC, None if it says nothing."""
    if packet.startswith(_ASF):
        here = len(packet) > 20 and packet[8] == _PONG and packet[20] & _KNOWS_IPMI
        return IpmiFound(port=port, version="") if here else None
    try:
        command, code, _, kinds, _, extended = struct.unpack_from("6B", packet, 19)
    except struct.error:
        return None
    if not packet.startswith(_SESSIONLESS[:4]) or command != _GET_CAPABILITIES:
        return None
    if code:
        return IpmiFound(port=port, version="")
    two = bool(kinds & _EXTENDED and extended & _TWO)
    auth = tuple(name for bit, name in _AUTH if kinds >> bit & 1)
    return IpmiFound(
        port=port, version="2.0" if two else "1.5", auth=(*auth, "rmcp+") if two else auth
    )
