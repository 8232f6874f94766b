"""Orphans found by the cookie in their environment, whatever their parent or session is now."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from orchestrator.model.errors import Bug
from orchestrator.model.ids import AttemptId
from orchestrator.ports.orphans import COOKIE, cookie

_PROC = Path("/proc")
_PATIENCE = 10.0  # seconds for a killed process to leave, before it is called stuck
_PAUSE = 0.01


class CookieOrphans:
    """Ends the processes of an attempt that this orchestrator started, in this life or another."""

    def __init__(self, orchestrator: str) -> None:
        """Take the orchestrator's own id, the first half of every cookie it gives."""
        self._orchestrator = orchestrator

    def end(self, attempt: AttemptId) -> int:
        """Kill every process that carries the attempt's cookie; return how many there were.

        Returns when none is left, those that were born meanwhile included. Raises `Bug` when one
        cannot be killed.
        """
        entry = f"{COOKIE}={cookie(self._orchestrator, attempt)}".encode()
        ended: set[int] = set()
        give_up = time.monotonic() + _PATIENCE
        while holders := _holders(entry):
            if time.monotonic() > give_up:
                msg = f"processes {sorted(holders)} of attempt {attempt} survive SIGKILL: see dmesg"
                raise Bug(msg)
            for pid in holders:
                _kill(pid, entry)
            ended |= holders
            time.sleep(_PAUSE)
        return len(ended)


def _holders(entry: bytes) -> set[int]:
    pids = {int(path.name) for path in _PROC.iterdir() if path.name.isdecimal()}
    return {pid for pid in pids - {os.getpid()} if _holds(pid, entry)}


def _holds(pid: int, entry: bytes) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # gone, or another user's
        return False
    return entry in environment.split(b"\0")


def _kill(pid: int, entry: bytes) -> None:
    with suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _holds(pid, entry):  # the number may be somebody else's since we looked
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
