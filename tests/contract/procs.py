"""Which processes are there, by what stands in their environment or command line."""

from pathlib import Path


def read(path: Path) -> bytes:
    """Return what is in the file, or nothing once its process is gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def carrying(entry: str) -> list[int]:
    """Return the processes that have exactly `entry` in their environment."""
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/environ")
        if entry.encode() in read(path).split(b"\0")
    ]


def naming(text: str) -> list[int]:
    """Return the processes that have `text` anywhere in environment or command line."""
    found = {
        int(path.parent.name)
        for name in ("environ", "cmdline")
        for path in Path("/proc").glob(f"[0-9]*/{name}")
        if text.encode() in read(path)
    }
    return sorted(found)


def command_line(pid: int) -> str:
    """Return a process's command line, its words joined by blanks."""
    return read(Path(f"/proc/{pid}/cmdline")).decode(errors="replace").replace("\0", " ")
