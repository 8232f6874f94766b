"""Heartbeats: each worker says that it is alive, and takes over from those that do not.

The library does this only with a paid service of its maker's. Silence is measured by the store's
clock, since hosts' clocks differ, and only by a worker that was itself heard all the time: after
the store was away, everybody is silent for as long.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker
from orchestrator.ports.workers import Workers

#: a worker that was silent for so long is dead; twice as long as one may wait for the store
SILENCE: Final = timedelta(seconds=6)
#: between looks for what nobody walks
SWEEP_SECONDS: Final = 2.0
#: how long machines that were granted may wait for a worker to take them up, and how many of those
#: are looked into at once
GRACE: Final = timedelta(seconds=10)
MOST: Final = 500


class Heir(Protocol):
    """Takes over what the dead leave behind."""

    def take_over(self, dead: Sequence[str]) -> None:
        """Let the living walk what the `dead` walked."""
        ...

    def revive(self, attempts: Sequence[AttemptId]) -> None:
        """Begin walks that were never begun, or that ended too early."""
        ...


class Watch:
    """One worker's eye on all of them."""

    BEAT_SECONDS: ClassVar = 1.0

    def __init__(self, worker: Worker, workers: Workers, heir: Heir) -> None:
        """Speak for `worker`; whatever nobody walks any more is the `heir`'s."""
        self._worker = worker
        self._workers = workers
        self._heir = heir
        self._heard = self._since = self._swept = time.monotonic()

    def beat(self) -> None:
        """Say that we are alive; call it once a second, whatever else there is to do.

        Who takes over a hundred walks, and is silent meanwhile, is taken over himself.
        """
        self._workers.beat(self._worker)
        now = time.monotonic()
        if now - self._heard > SILENCE.total_seconds() / 2:
            self._since = now
        self._heard = now

    def look(self) -> None:
        """See who is alive and who is not; call it once a second."""
        now = time.monotonic()
        if now - self._since < SILENCE.total_seconds():
            return
        if dead := self._workers.bury(SILENCE):
            self._heir.take_over(dead)
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            self.sweep(GRACE)

    def sweep(self, grace: timedelta) -> None:
        """Take up what was granted longer than `grace` ago and no living worker walks.

        Whoever buried a worker may have died before it took over.
        """
        unwalked = self._workers.unwalked(datetime.now(UTC) - grace)
        if dead := {walker for _, walker in unwalked if walker}:
            self._heir.take_over(sorted(dead))
        self._heir.revive([attempt for attempt, _ in unwalked[:MOST]])

    def living(self) -> tuple[Worker, ...]:
        """Return the workers that are alive."""
        return self._workers.all()

    def leave(self) -> None:
        """Say that we end in good order."""
        self._workers.leave(self._worker.name)
