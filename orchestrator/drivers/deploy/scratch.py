"""A folder in memory for what a play must not leave on disk, and the end of all who use it.

Its name is in the environment or the command line of every process of the play: Ansible and its
workers have it as ANSIBLE_HOME, and an SSH master, which gives up both its family and its
environment, has it in its title. So it tells whom to kill.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.model.errors import ConfigError

_PROC = Path("/proc")
_MEMORY = Path("/dev/shm")  # noqa: S108  # each folder in it is made anew, mode 0700
#: `ssh` binds sockets below the folder, by names of at most 107 characters
_LONGEST = 50
_PATIENCE = 5.0  # seconds for a killed process to leave
_PAUSE = 0.01


def base(secrets_dir: Path | None) -> Path:
    """Return where scratch folders are made; raise `ConfigError` if sockets cannot be there."""
    chosen = secrets_dir or (_MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir()))
    if len(str(chosen)) > _LONGEST:
        msg = f"secrets_dir {chosen} is too long for SSH's sockets: {_LONGEST} characters at most"
        raise ConfigError(msg)
    return chosen


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """Yield a fresh folder (mode 0700); at the end kill every process that names it, remove it."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"st-{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        end(folder)
        shutil.rmtree(folder, ignore_errors=True)


def end(folder: Path) -> None:
    """Kill every process that has `folder` in its environment or command line."""
    give_up = time.monotonic() + _PATIENCE
    while (users := _users(str(folder).encode())) and time.monotonic() < give_up:
        for pid in users:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _users(name: bytes) -> list[int]:
    return [
        int(path.name)
        for path in _PROC.iterdir()
        if path.name.isdecimal() and any(name in _read(path / file) for file in _WHERE)
    ]


_WHERE = ("environ", "cmdline")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone, or another user's
        return b""


def _sweep(parent: Path) -> None:
    """Remove what processes that were killed left behind, secrets among it."""
    for left in parent.glob("st-*-*"):
        owner = left.name.split("-")[1]
        if owner.isdecimal() and not (_PROC / owner).exists():
            end(left)
            shutil.rmtree(left, ignore_errors=True)
