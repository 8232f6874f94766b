"""Archives of the kind that a kernel unpacks as its first file system (cpio, "newc")."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

_MAGICS = (b"070701", b"070702")
_HEADER = 110
_FIELDS = 13
_END = "TRAILER!!!"


class NoArchive(ValueError):
    """The bytes are no such archive; the text says where they stop being one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file, folder, link or device, owned by root; the data of a link is where it points."""

    #: relative to the root, without a leading slash
    path: str
    #: type and permission bits, as in `stat.st_mode`
    mode: int
    data: bytes = b""
    #: major and minor number of a device
    device: tuple[int, int] = (0, 0)


def folder(path: str) -> Entry:
    """Return the entry of an ordinary folder."""
    return Entry(path=path, mode=stat.S_IFDIR | 0o755)


def read(archive: bytes) -> Mapping[str, Entry]:
    """Return the entries of an unpacked archive by path; of hard links each has the data.

    Raises `NoArchive`.
    """
    entries: dict[str, Entry] = {}
    shared: dict[tuple[int, ...], list[Entry]] = {}
    for entry, links in _walk(archive):
        entries[entry.path] = entry
        if links:
            shared.setdefault(links, []).append(entry)
    for group in shared.values():
        data = max((entry.data for entry in group), key=len)
        for entry in group:
            entries[entry.path] = Entry(path=entry.path, mode=entry.mode, data=data)
    return entries


def _walk(archive: bytes) -> Iterator[tuple[Entry, tuple[int, ...]]]:
    """Yield each entry, and what it shares with its hard links: nothing if it has none."""
    at = 0
    while True:
        header = archive[at : at + _HEADER]
        if len(header) < _HEADER or header[:6] not in _MAGICS:
            raise NoArchive(f"no cpio header at byte {at}")
        try:
            fields = [int(header[6 + 8 * n : 14 + 8 * n], 16) for n in range(_FIELDS)]
        except ValueError:
            raise NoArchive(f"a cpio header at byte {at} that is not hexadecimal") from None
        inode, mode, count, size, length = (fields[n] for n in (0, 1, 4, 6, 11))
        name = archive[at + _HEADER : at + _HEADER + length - 1].decode(errors="surrogateescape")
        if name == _END:
            return
        start = _aligned(at + _HEADER + length)
        if start + size > len(archive):
            raise NoArchive(f"{name} ends after the archive does")
        path = name.removeprefix("./").strip("/")
        device = (fields[9], fields[10])
        data = bytes(archive[start : start + size])
        linked = stat.S_ISREG(mode) and count > 1
        yield (
            Entry(path=path, mode=mode, data=data, device=device),
            (*fields[7:9], inode) if linked else (),
        )
        at = _aligned(start + size)


def write(entries: Iterable[Entry], file: BinaryIO) -> None:
    """Write `entries` as one archive, in the order of their paths; the same ones, the same bytes.

    Folders that they lie in are written before them.
    """
    known = {entry.path: entry for entry in entries if entry.path not in {"", "."}}
    for path in list(known):
        for parent in _parents(path):
            known.setdefault(parent, folder(parent))
    for inode, path in enumerate(sorted(known), start=1):
        file.write(_header(known[path], inode))
        file.write(_padded(known[path].data))
    file.write(_header(Entry(path=_END, mode=0), 0))


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _header(entry: Entry, inode: int) -> bytes:
    name = entry.path.encode(errors="surrogateescape") + b"\0"
    fields = (inode, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    return _padded(_MAGICS[0] + b"".join(b"%08X" % field for field in fields) + name)


def _padded(data: bytes) -> bytes:
    return data + bytes(_aligned(len(data)) - len(data))


def _aligned(at: int) -> int:
    return (at + 3) & ~3
