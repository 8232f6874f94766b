"""Who keeps the lock of a database for so long that others give up: told to those who waited."""

from pathlib import Path
from typing import Final

from sqlalchemy import URL

#: where Linux tells who holds which lock on which file
_LOCKS: Final = Path("/proc/locks")
#: the byte of the file beside the database that SQLite's one writer locks
_WRITER: Final = "120"


def writer(place: URL) -> int | None:
    """Return the process that writes an SQLite file just now, as far as this host can tell."""
    beside = Path(f"{place.database}-shm")
    try:
        inode, lines = beside.stat().st_ino, _LOCKS.read_text("utf-8").splitlines()
    except OSError:
        return None
    for words in map(str.split, lines):
        # a line that begins with an arrow is of one who waits
        mine = "->" not in words and words[-3].rpartition(":")[2] == str(inode)
        if mine and words[3] == "WRITE" and words[-2] == _WRITER:
            return int(words[4])
    return None


def busy(place: URL) -> str:
    """Return a sentence for who waited for the writer in vain."""
    where = place.render_as_string(hide_password=True)
    pid = writer(place) if place.get_backend_name() == "sqlite" else None
    who = f"process {pid}, which may be stopped," if pid else "another process"
    return f"the store {where} is busy: {who} keeps it from being written"
