"""Time, and the deadline that every outside call is given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from orchestrator.model.errors import OutOfTime


class Clock(Protocol):
    """Tells the time and waits; the only clock that stages see."""

    def now(self) -> datetime:
        """Return the present, UTC-aware."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


def _unguarded() -> None:
    """Let everything pass: for calls that no lease stands behind."""


class Deadline:
    """How long a call may take, and the guard that stops it early.

    The guard raises `Cancelled` or `LeaseLost`; a driver that waits calls `check()` or `sleep()`
    at least once a second, so that a cancelled attempt ends and a stale holder stops.
    """

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        guard: Callable[[], None] = _unguarded,
        what: str = "",
        because: str = "",
    ) -> None:
        """Start counting `seconds` from now; `what` names the budget in `OutOfTime`.

        `because` says what the budget was learned from; empty: somebody wrote it down.
        """
        self._clock = clock
        self._guard = guard
        self._asked = False
        self._what = what or "the call"
        self.seconds = seconds
        self.because = because
        self.at = clock.now() + timedelta(seconds=seconds)

    def left(self) -> float:
        """Return the seconds left, never below zero.

        Whoever asks is about to use them: the guard is asked before the first answer.
        """
        if not self._asked:
            self._ask()
        return max(0.0, (self.at - self._clock.now()).total_seconds())

    def check(self) -> None:
        """Raise `OutOfTime` if no time is left, or what the guard raises."""
        self._ask()
        if not self.left():
            learned = f": {self.because}" if self.because else ""
            msg = f"{self._what} took longer than its {self.seconds:g} s{learned}"
            raise OutOfTime(msg)

    def sleep(self, seconds: float) -> None:
        """Check, then wait `seconds` (or what is left, if less)."""
        self.check()
        self._clock.sleep(min(seconds, self.left()))

    def within(self, seconds: float, what: str = "") -> "Deadline":
        """Return a deadline at most `seconds` away and never later than this one.

        Whoever asks for one is about to call a driver: the guard is asked first.
        """
        self._ask()
        return Deadline(self._clock, min(seconds, self.left()), self._guard, what or self._what)

    @contextmanager
    def beside(self, seconds: float, what: str) -> Iterator["Deadline"]:
        """Yield a deadline of its own, with the same guard; meanwhile this one stands still.

        For what is made once and shared by all: whoever happens to be the first does not pay.
        """
        began = self._clock.now()
        try:
            yield Deadline(self._clock, seconds, self._guard, what)
        finally:
            self.at += self._clock.now() - began

    def _ask(self) -> None:
        self._guard()
        self._asked = True
