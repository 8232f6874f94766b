"""Has the cloud's APIs answer in the network that guests are in, at their own addresses.

A simulated machine's guests are in a network namespace, which the host's loopback addresses are not
part of: `relay.py NAMESPACE ADDRESS PORT...` listens there, and passes on to the same place here.
"""

import asyncio
import ctypes
import os
import socket
import sys

_NETWORK = 0x40000000  # CLONE_NEWNET
_CHUNK = 65536
_libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace: int) -> None:
    """Go into a network namespace; what is opened from now on is in it."""
    if _libc.setns(namespace, _NETWORK):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on until one side has no more."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def serve(listener: socket.socket, place: tuple[str, int]) -> None:
    """Pass whoever connects on to a place."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*place)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))
        back.close()
        writer.close()

    server = await asyncio.start_server(one, sock=listener)
    await server.serve_forever()


async def main() -> None:
    """Listen there, and be here again before anything is passed on."""
    namespace, address, *ports = sys.argv[1:]
    here, there = (os.open(name, os.O_RDONLY) for name in ("/proc/self/ns/net", namespace))
    enter(there)
    listeners = [socket.create_server((address, int(port))) for port in ports]
    enter(here)
    await asyncio.gather(*(serve(each, each.getsockname()) for each in listeners))


if __name__ == "__main__":
    asyncio.run(main())
