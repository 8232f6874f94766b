"""The queue in memory: read once, then brought up to date by what happened since."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from orchestrator.drivers.store.codec import arch_from, names_from, why_from
from orchestrator.drivers.store.database import Transaction
from orchestrator.drivers.store.order import PRIORITY
from orchestrator.model.budgets import label
from orchestrator.model.event import Kind
from orchestrator.model.ids import AttemptId, RunId, run_of
from orchestrator.model.lease import Waiting
from orchestrator.model.placement import needs
from orchestrator.model.request import Lane

#: with more news than this since the last pass the whole queue is sooner read
_FAR: Final = 20_000
#: after these an attempt does not wait any more, and never will again
_GONE: Final = frozenset({Kind.FINISHED, Kind.FAILED, Kind.JUDGED})


class Mirror:
    """One process's picture of the queue, to be looked at within the one writing transaction.

    Whoever joins the queue, leaves it or is promoted has an event that says so, stored in the same
    transaction, and events are numbered without gaps. What changes without one is the reason that
    somebody was told: promises, which bind, are looked at each time, and all of it when the whole
    queue is read.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._seq = -1
        self._rows: dict[AttemptId, Row[Any]] = {}
        self._items: dict[AttemptId, Waiting] = {}

    def __len__(self) -> int:
        """Return how many waited when it was last looked at."""
        return len(self._items)

    def queue(self, tx: Transaction, *, whole: bool) -> tuple[Waiting, ...]:
        """Return the queue, each run's cells in the order of its plan; read anew if `whole`.

        Who did not change is the very same object as the last time.
        """
        head, seen = int(tx.single("event_last").seq), self._seq
        # whatever is raised below leaves half of it: then all is read the next time
        self._seq = -1
        if whole or not 0 <= seen <= head <= seen + _FAR:
            self._replace(tx)
        else:
            self._catch_up(tx, seen)
        self._seq = head
        return tuple(self._items.values())

    def _replace(self, tx: Transaction) -> None:
        rows = {AttemptId(row.attempt): row for row in tx.all("attempts_waiting")}
        items = {name: self._items[name] for name in rows if self._rows.get(name) == rows[name]}
        items |= decoded(tx, [row for name, row in rows.items() if name not in items])
        self._rows, self._items = rows, {name: items[name] for name in rows}

    def _catch_up(self, tx: Transaction, seen: int) -> None:
        happened = tx.all("queue_news", seq=seen)
        changed = {AttemptId(row.attempt) for row in happened}
        gone = {AttemptId(row.attempt) for row in happened if row.kind in _GONE}
        for row in tx.all("attempts_promised"):
            known = self._rows.get(AttemptId(row.attempt))
            if known is not None and known.wait != row.wait:
                changed.add(AttemptId(row.attempt))
        for name in changed:
            self._rows.pop(name, None)
            self._items.pop(name, None)
        if fresh := sorted(changed - gone):
            rows = {AttemptId(r.attempt): r for r in tx.all("attempts_waiting_of", ids=fresh)}
            self._rows |= rows
            self._items |= decoded(tx, rows.values())
            order = sorted(self._items.items(), key=_place)
            self._items = dict(order)


def _place(entry: tuple[AttemptId, Waiting]) -> tuple[RunId, int]:
    """Return where an attempt is in the queue: its run, and its cell's place in the plan."""
    return run_of(entry[0]), entry[1].place


def decoded(tx: Transaction, rows: Iterable[Row[Any]]) -> dict[AttemptId, Waiting]:
    """Return who waits, by name, of rows of the queue."""
    found = list(rows)
    ways = _ways(tx, found)
    return {AttemptId(row.attempt): _waiting(row, ways[row.arch, row.way]) for row in found}


def _ways(tx: Transaction, rows: Sequence[Row[Any]]) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    """Return what an arch asks for by each of its ways: of many who wait, few differ."""
    wanted = {(row.arch, row.way) for row in rows}
    digests = sorted({digest for digest, _ in wanted})
    texts = tx.all("archs_by_digest", digests=digests) if digests else ()
    archs = {row.digest: arch_from(row.value) for row in texts}
    return {
        (digest, way): {
            "needs": needs(archs[digest].by(way)),
            "semaphores": archs[digest].by(way).semaphores,
            "arch": label(archs[digest].name, way),
            "last": way + 1 == len(archs[digest].ways),
        }
        for digest, way in wanted
    }


def _waiting(row: Row[Any], way: Mapping[str, Any]) -> Waiting:
    lane = Lane(row.lane)
    return Waiting(
        attempt=AttemptId(row.attempt),
        asked_at=datetime.fromisoformat(row.asked_at),
        priority=row.priority - PRIORITY[lane],
        exclude=names_from(row.avoid),
        why=why_from(row.wait),
        lane=lane,
        owner=row.requester if lane is Lane.ASKED else row.repo,
        place=row.position,
        **way,
    )
