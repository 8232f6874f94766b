"""Heartbeats: each worker says that it is alive, and takes over from those that do not.

The library does this only with a paid service of its maker's. Silence is measured by the store's
clock, since hosts' clocks differ, and only by a worker that was itself heard all the time: after
the store was away, everybody is silent for as long.

Who is silent but runs, on this very host, is short of processor rather than dead, and is waited
for. If that is wrong, or a worker on another host takes it over, the number of the walk still keeps
two from doing one thing.
"""

import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import ClassVar, Final, Protocol

from orchestrator.drivers.engine.host import lives
from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker
from orchestrator.ports.workers import Workers

#: a worker that was silent for so long is dead; twice as long as one may wait for the store
SILENCE: Final = timedelta(seconds=6)
#: unless its process is seen to run: then after so long
SPARED: Final = timedelta(seconds=60)
#: between looks for what nobody walks
SWEEP_SECONDS: Final = 2.0
#: how many leases that nobody renews are looked into at once
MOST: Final = 500
#: for how long a worker does not say what it walks: what it walked before it was killed comes back
SETTLING_SECONDS: Final = 30.0
#: after so long a lease of ours that we do not renew is taken for lost, and its walk begun anew
LOST_SECONDS: Final = 30.0


class Heir(Protocol):
    """Takes over what the dead leave behind."""

    def take_over(self, dead: Sequence[str]) -> None:
        """Let the living walk what the `dead` walked."""
        ...

    def revive(self, attempts: Sequence[AttemptId]) -> None:
        """Begin walks that were never begun, or that ended too early."""
        ...

    def redo(self, attempts: Sequence[AttemptId]) -> None:
        """Begin those walks anew that are thought to be under way in this process, and are not."""
        ...


class Watch:
    """One worker's eye on all of them."""

    BEAT_SECONDS: ClassVar = 1.0

    def __init__(
        self,
        worker: Worker,
        workers: Workers,
        heir: Heir,
        walks: Collection[AttemptId],
        runs: Callable[[Worker], bool] = lives,
    ) -> None:
        """Speak for `worker` and what it `walks`; what nobody walks any more is the `heir`'s.

        `runs` says whether another worker's process is seen to run.
        """
        self._runs = runs
        self._worker = worker
        self._workers = workers
        self._heir = heir
        self._walks = walks
        self._began = self._heard = self._since = self._swept = time.monotonic()
        #: since when each lease was seen to be renewed by nobody
        self._lapsed: dict[AttemptId, float] = {}

    def beat(self) -> None:
        """Say that we are alive; call it once a second, whatever else there is to do.

        That renews the leases of what we walk, in one row. Who takes over a hundred walks, and is
        silent meanwhile, is taken over himself.
        """
        settled = time.monotonic() - self._began > SETTLING_SECONDS
        self._workers.beat(self._worker, tuple(self._walks) if settled else None)
        now = time.monotonic()
        if now - self._heard > SILENCE.total_seconds() / 2:
            self._since = now
        self._heard = now

    def look(self) -> None:
        """See who is alive and who is not; call it once a second."""
        now = time.monotonic()
        if now - self._since < SILENCE.total_seconds():
            return
        if dead := self._workers.bury(SILENCE, self._spared()):
            self._heir.take_over(dead)
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            self.sweep()

    def _spared(self) -> tuple[str, ...]:
        """Return those who are silent, but not for too long, and whose process runs here."""
        heard = {worker: worker.heard for worker in self._workers.all() if worker.heard}
        newest = max(heard.values(), default=None)
        return tuple(
            worker.name
            for worker, last in heard.items()
            if newest and SILENCE / 2 < newest - last < SPARED and self._runs(worker)
        )

    def sweep(self, within: timedelta = timedelta(0)) -> None:
        """Take up leases that nobody renews and whose term is over, or will be `within` that time.

        Whoever buried a worker may have died before it took over; and what a living one took up may
        have been lost in it.
        """
        lapsed, now = self._workers.lapsed(within), time.monotonic()
        if dead := {walker for _, walker in lapsed if walker}:
            self._heir.take_over(sorted(dead))
        self._heir.revive([attempt for attempt, _ in lapsed[:MOST]])
        self._lapsed = {attempt: self._lapsed.get(attempt, now) for attempt, _ in lapsed}
        lost = [name for name, since in self._lapsed.items() if now - since > LOST_SECONDS]
        self._lapsed.update(dict.fromkeys(lost, now))
        self._heir.redo(lost[:MOST])

    def living(self) -> tuple[Worker, ...]:
        """Return the workers that are alive."""
        return self._workers.all()

    def leave(self) -> None:
        """Say that we end in good order."""
        self._workers.leave(self._worker.name)
