"""Who is at the other end of a connection on this host, as Linux tells it.

The port of the other end is open in one process only; `/proc/net/tcp` has the user of each.
"""

import ipaddress
import os
import struct
import sys
from pathlib import Path
from typing import Final

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
#: of a line, split at spaces: here, there, state and user
_HERE, _THERE, _STATE, _USER = 1, 2, 3, 7
_ESTABLISHED: Final = "01"


class ProcSockets:
    """`ports.accounts.Peers` over `/proc`; where there is none, nobody is known."""

    def ours(self, theirs: tuple[str, int], here: tuple[str, int]) -> bool:
        """Return whether the connection from `theirs` to `here` is of a process of our own user."""
        try:
            wanted = (_ends(*theirs), _ends(*here))
        except ValueError:
            return False
        return any(_user(table, wanted) == os.geteuid() for table in _TABLES)


def _user(table: Path, wanted: tuple[frozenset[str], frozenset[str]]) -> int | None:
    """Return whose the socket is that stands at the first and leads to the second, or None."""
    try:
        lines = table.read_text("ascii").splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        parts = line.split()
        if parts[_HERE] in wanted[0] and parts[_THERE] in wanted[1]:
            return int(parts[_USER]) if parts[_STATE] == _ESTABLISHED else None
    return None


def _ends(address: str, port: int) -> frozenset[str]:
    """Return how the tables may write an end; raise `ValueError` unless it is on loopback."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if not found.is_loopback or not port:
        raise ValueError(address)
    raws = [found.packed]
    if isinstance(found, ipaddress.IPv4Address):
        raws.append(ipaddress.IPv6Address(f"::ffff:{found}").packed)
    return frozenset(f"{_words(raw)}:{port:04X}" for raw in raws)


def _words(raw: bytes) -> str:
    """Return the address as the kernel prints it: words of 32 bits in the host's byte order."""
    order = "<" if sys.byteorder == "little" else ">"
    return "".join(f"{word:08X}" for word in struct.unpack(f"{order}{len(raw) // 4}I", raw))
