"""The processes that walk attempts: who is alive by the database's own clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestrator.drivers.store.codec import milliseconds, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker


@dataclass(frozen=True, slots=True)
class Workers:
    """`ports.workers.Workers` over a database."""

    database: Database

    def beat(self, worker: Worker, walks: Iterable[AttemptId] | None = None) -> bool:
        """Say that the worker is alive, and renew the leases of what it walks.

        That is all that it took up last, if it does not say. Returns False if it was taken for dead
        meanwhile; it belongs to the living again from then on.
        """
        named = None if walks is None else f",{','.join(walks)},"
        with self.database.aside() as tx:
            now = tx.clock()
            if tx.run("worker_beat", worker=worker.name, now=now, walks=named):
                return True
            tx.run(
                "worker_join",
                worker=worker.name,
                host=worker.host,
                pid=worker.pid,
                version=worker.version,
                since=stamp(worker.since),
                now=now,
                walks=named,
            )
        return False

    def bury(self, silent: timedelta, spared: Sequence[str] = ()) -> tuple[str, ...]:
        """Forget the workers that were silent for that long, and return their names.

        Those who are `spared` are let be.
        """
        with self.database.aside() as tx:
            since = tx.clock() - milliseconds(silent)
            rows = tx.all("workers_bury", since=since, spared=spared)
            return tuple(row.name for row in rows)

    def leave(self, name: str) -> None:
        """Forget a worker that ends in good order; what it leaves may be taken up at once."""
        with self.database.aside() as tx:
            tx.run("worker_leave", worker=name)

    def all(self) -> tuple[Worker, ...]:
        """Return those that are alive, the longest first."""
        with self.database.read() as tx:
            rows = tx.all("workers_all")
        return tuple(
            Worker(
                name=row.name,
                host=row.host,
                pid=row.pid,
                version=row.version,
                since=datetime.fromisoformat(row.since),
                heard=datetime.fromtimestamp(row.beat / 1000, UTC),
            )
            for row in rows
        )

    def lapsed(self, within: timedelta) -> tuple[tuple[AttemptId, str], ...]:
        """Return the leases that no living worker renews and whose term is over within that time.

        Each with the name of the dead worker that walked the attempt last, or an empty text.
        """
        with self.database.read() as tx:
            end = tx.clock() + milliseconds(within)
            rows = tx.all("attempts_lapsed", now=end)
        return tuple((AttemptId(row.attempt), str(row.walker)) for row in rows)
