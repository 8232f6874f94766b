"""A circuit breaker before a partner: one that is down is left alone for a while, by all cells."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from orchestrator.model.errors import PartnerSilent
from orchestrator.model.partner import Answer, Order, Sighting
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.partner import Partner

#: failures in a row that open the circuit
FAILURES = 5
#: how long it stays open: doubled with each failing try, up to the last
FIRST, LAST = timedelta(seconds=15), timedelta(minutes=5)
T = TypeVar("T")


class Breaker:
    """`ports.partner.Partner` before another one; safe for many threads."""

    def __init__(self, inner: Partner, clock: Clock, name: str) -> None:
        """Let everything through until `inner` fails several times in a row."""
        self._inner, self._clock, self._name = inner, clock, name
        self._lock = threading.Lock()
        self._failures = 0
        self._until: datetime | None = None
        self._why = ""

    def trouble(self) -> str:
        """Return why the partner is left alone now and until when, or an empty text."""
        with self._lock:
            until = self._until
            if until is None or until <= self._clock.now():
                return ""
            left = f"left alone until {until:%H:%M:%S} UTC after {self._failures} failures"
            return f"{left}: {self._why}"

    def start(self, order: Order, deadline: Deadline) -> Sighting:
        """Start through the breaker."""
        return self._through(lambda: self._inner.start(order, deadline))

    def poll(self, order: Order, known: Sighting, deadline: Deadline) -> Sighting:
        """Poll through the breaker."""
        return self._through(lambda: self._inner.poll(order, known, deadline))

    def fetch(self, order: Order, known: Sighting, folder: str, deadline: Deadline) -> Answer:
        """Fetch through the breaker."""
        return self._through(lambda: self._inner.fetch(order, known, folder, deadline))

    def cancel(self, order: Order, known: Sighting, deadline: Deadline) -> None:
        """Cancel through the breaker."""
        self._through(lambda: self._inner.cancel(order, known, deadline))

    def _through(self, call: Callable[[], T]) -> T:
        self._pass()
        try:
            found = call()
        except PartnerSilent as error:
            self._failed(str(error))
            raise
        with self._lock:
            self._failures, self._until, self._why = 0, None, ""
        return found

    def _pass(self) -> None:
        """Raise `PartnerSilent` while the circuit is open; let one try through when it was."""
        if why := self.trouble():
            raise PartnerSilent(f"{self._name} is {why}")
        with self._lock:
            if self._until is not None:
                # Half open: whoever comes first tries, all others wait for what comes of it.
                self._until = self._clock.now() + FIRST

    def _failed(self, why: str) -> None:
        with self._lock:
            self._failures += 1
            self._why = why
            if self._failures >= FAILURES:
                doubled = FIRST * 2 ** min(self._failures - FAILURES, 10)
                self._until = self._clock.now() + min(doubled, LAST)
