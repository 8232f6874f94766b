"""Which processes belong together, and how all of them are ended."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send us `number` when `parent` ends, which may have happened already."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none escapes."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> set[int]:
    """Return the process ids of all children of `pid`, their children and so on."""
    try:
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


def children() -> set[int]:
    """Return our own children."""
    return {child.pid for child in psutil.Process().children()}


def started(pid: int) -> int | None:
    """Return when the process `pid` started, in the kernel's ticks since boot; None: it ended.

    Unlike a date, that does not move when somebody sets the clock.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else int(ticks)


def bearers(variable: str, accepts: Callable[[str], bool]) -> set[int]:
    """Return the processes whose environment holds `variable` with a value that `accepts`."""
    wanted = f"{variable}=".encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            entries = (folder / "environ").read_bytes().split(b"\0")
            values = (e[len(wanted) :] for e in entries if e.startswith(wanted))
            if any(accepts(value.decode(errors="replace")) for value in values):
                found.add(int(folder.name))
    return found - {os.getpid()}


def end_all(find: Callable[[], Iterable[int]], *, seconds: float = 10.0) -> bool:
    """Send SIGKILL to all that `find` returns until it returns none; reap those that are ours.

    Returns False when some survived `seconds`.
    """
    deadline = time.monotonic() + seconds
    while pids := set(find()):
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
        for pid in pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if time.monotonic() > deadline:
            return False
    return True
