"""One serial-over-LAN session written to a file; runs in a child process that may be killed.

A session per process: pyghmi keeps what it knows of a lost session in globals, and stumbles over
it at the next one.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from pyghmi.exceptions import PyghmiException
from pyghmi.ipmi.console import Console
from pyghmi.ipmi.private import session as line

from orchestrator.model.flight import TIMES
from orchestrator.model.node import Bmc

#: seconds that login and activation may take; some BMCs never answer an unknown user
_LOGIN = 30
#: seconds between turns of the event loop (in a hurry, else), and without one until we are ended
_HURRY, _BEAT, _HANGS = 0.02, 0.2, 60
#: seconds between two times that are kept of what it prints
_TIMED = 0.1
#: seconds between questions whether the console is still ours: a BMC that was reset is silent
_DOUBT = 10
#: Get Payload Instance Info says who owns the serial line (IPMI 2.0, section 24.5)
_PAYLOAD_OWNER: dict[str, Any] = {"netfn": 0x06, "command": 0x4B, "data": (1, 1)}
_UNKNOWN_COMMAND = 0xC1
_SILENCE = "the BMC does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Whose console, and the file that it is appended to."""

    bmc: Bmc
    path: str


class _Ended(BaseException):
    """Our caller asked us to end; no `Exception`, since pyghmi swallows those."""


class _Session:
    """A session's fate, as pyghmi calls back."""

    def __init__(self, file: IO[bytes], times: IO[bytes]) -> None:
        self._file = file
        self._times = times
        self._timed = 0.0
        self.lost = ""

    def received(self, data: bytes | dict[str, str]) -> None:
        """Write what the machine printed; a dict is pyghmi's note about the session."""
        if isinstance(data, bytes):
            self._time()
            self._file.write(data)
        elif "error" in data:
            self.lost = data["error"] or _SILENCE

    def _time(self) -> None:
        """Write where what comes now begins, and when it came (seconds since 1970)."""
        now = time.time()
        if now - self._timed >= _TIMED:
            self._timed = now
            self._times.write(b"%d %.3f\n" % (self._file.seek(0, os.SEEK_END), now))


def record(recording: Recording) -> str:
    """Append what the machine prints until the session is lost; return why it was.

    Takes the console over from whoever has it: most often that is our own killed predecessor.
    Returns an empty text when asked to end (SIGTERM).
    """
    signal.signal(signal.SIGTERM, _end)
    path = Path(recording.path)
    kept = path.with_suffix(TIMES)
    with path.open("ab", buffering=0) as file, kept.open("ab", buffering=0) as times:
        session = _Session(file, times)
        try:
            return _recorded(recording.bmc, session, file)
        except (PyghmiException, OSError, NotImplementedError) as error:
            return str(error) if any(error.args) else _SILENCE


def _recorded(bmc: Bmc, session: _Session, file: IO[bytes]) -> str:
    console = None
    try:
        with _hurried():
            console = Console(
                bmc.address,
                bmc.user,
                bmc.password.reveal(),
                session.received,
                bmc.serial,
                force=True,
            )
            _connect(console, session)
        if not session.lost:
            file.write(b"[console connected]\n")
            _follow(console, session)
    except _Ended:
        signal.alarm(2)
        if console:
            with _hurried():
                _close(console)
        return ""
    return session.lost


@contextmanager
def _hurried() -> Iterator[None]:
    """Mend a lost wake-up in pyghmi, whose answers else wait for the time of retransmission.

    Its reader thread wakes nobody who begins to wait just after the packet came.
    """
    wait = line._io_wait

    def wait_a_little(seconds: float, *rest: object) -> None:
        wait(min(seconds, _HURRY), *rest)

    line._io_wait = wait_a_little
    try:
        yield
    finally:
        line._io_wait = wait


def _connect(console: Console, session: _Session) -> None:
    began = time.monotonic()
    while not (session.lost or console.connected):
        _beat(console, _HURRY)
        if time.monotonic() - began > _LOGIN:
            session.lost = f"the BMC did not finish the login within {_LOGIN} s"


def _follow(console: Console, session: _Session) -> None:
    # pyghmi would ask for the owner itself, and hang up on a BMC that does not know the question
    console.ipmi_session.unregister_keepalive(console.keepaliveid)
    asked = time.monotonic()
    while not (session.lost or console.broken):
        _beat(console, _BEAT)
        if time.monotonic() - asked > _DOUBT:
            session.lost = _disowned(console)
            asked = time.monotonic()


def _disowned(console: Console) -> str:
    """Return why the BMC no longer sends us the console, or an empty text."""
    ours = console.ipmi_session
    if ours is None:
        return "the session broke off"
    with _hurried():
        answer = ours.raw_command(**_PAYLOAD_OWNER)
    if answer["code"] == _UNKNOWN_COMMAND:
        return ""
    if "error" in answer:
        return str(answer["error"])
    if int.from_bytes(bytes(answer["data"][:4]), "little") == ours.sessionid:
        return ""
    return "the BMC gave the console to somebody else, or forgot us in a reset"


def _beat(console: Console, seconds: float) -> None:
    signal.alarm(_HANGS)
    console.wait_for_rsp(seconds)


def _close(console: Console) -> None:
    """Give the line back, so that the next one finds it free."""
    ours = console.ipmi_session
    if ours and ours.logged:
        console.close()
        ours.logout()


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended
