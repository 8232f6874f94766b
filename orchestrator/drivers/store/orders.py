"""What partners were asked, and what became of it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.drivers.store.codec import RECORD, encode
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId, cell_of
from orchestrator.model.partner import LATECOMERS, Comparison, Order, Record, Sighting, Standing
from orchestrator.model.verdict import Verdict

#: an order that stands so is over
_OVER = frozenset(Standing) - {Standing.ASKED, Standing.ACCEPTED, Standing.RUNNING}


@dataclass(frozen=True, slots=True)
class Orders:
    """`ports.store.Orders` over a database."""

    database: Database

    def open(self, order: Order) -> Record:
        """Store the order and return it, or the one that its attempt has.

        One that an earlier attempt at the cell gave up on goes on under this one.
        """
        with self.database.write() as tx:
            if kept := _find(tx, order.attempt):
                return kept
            made = Record(order=order)
            cell = cell_of(order.attempt)
            row = tx.one("order_newest_of_cell", cell=cell, partner=order.partner)
            earlier = RECORD.validate_json(row.value) if row else None
            if earlier and earlier.standing in LATECOMERS:
                made = _going_on(order, earlier)
                _keep(tx, replace(earlier, standing=Standing.TAKEN))
                tx.run("order_unhook", attempt=earlier.order.attempt)
            tx.run(
                "order_insert",
                attempt=order.attempt,
                cell=cell,
                partner=order.partner,
                standing=made.standing,
                hook=made.order.hook,
                value=encode(made),
            )
        return made

    def find(self, attempt: AttemptId) -> Record | None:
        """Return the attempt's order, or None."""
        with self.database.read() as tx:
            return _find(tx, attempt)

    def by_hook(self, hook: str) -> Record | None:
        """Return the order that a call-back's secret opens, or None."""
        with self.database.read() as tx:
            row = tx.one("order_by_hook", hook=hook)
        return RECORD.validate_json(row.value) if row else None

    def saw(self, attempt: AttemptId, seen: Sighting, now: datetime) -> Record:
        """Store what a look found; return the order with it."""

        def change(record: Record) -> Record:
            begun = record.standing not in _OVER and seen.standing not in _OVER
            there = seen.standing is not Standing.ASKED
            running = seen.standing in {Standing.RUNNING, Standing.ANSWERED}
            return replace(
                record,
                seen=seen,
                standing=seen.standing if begun else record.standing,
                accepted_at=record.accepted_at or (now if there else None),
                running_at=record.running_at or (now if running else None),
            )

        return self._change(attempt, change)

    def close(self, attempt: AttemptId, standing: Standing, now: datetime, claim: str = "") -> None:
        """Store how the order ended, unless it did; what was late may be taken."""

        def change(record: Record) -> Record:
            taken = record.standing in LATECOMERS and standing is Standing.TAKEN
            if record.standing in _OVER and not taken:
                return record
            return replace(
                record,
                standing=standing,
                over_at=record.over_at or now,
                claim=claim or record.claim,
            )

        self._change(attempt, change)

    def call(self, attempt: AttemptId) -> None:
        """Remember that the partner called back about the order."""
        with self.database.write() as tx:
            tx.run("order_called", attempt=attempt, called=1)

    def called(self, attempt: AttemptId) -> bool:
        """Return whether it did since this was last asked."""
        with self.database.read() as tx:
            if tx.one("order_if_called", attempt=attempt) is None:
                return False
        with self.database.write() as tx:
            tx.run("order_called", attempt=attempt, called=0)
        return True

    def compared(self, partner: str, limit: int = 1000) -> tuple[Comparison, ...]:
        """Return where somebody else judged the same commit on the same arch as the partner."""
        with self.database.read() as tx:
            rows = tx.all("orders_compared", partner=partner, limit=limit)
        return tuple(
            Comparison(
                attempt=AttemptId(row.attempt),
                theirs=Verdict(row.theirs),
                other=AttemptId(row.other),
                ours=Verdict(row.ours),
            )
            for row in rows
        )

    def among(
        self, standings: Collection[Standing], partner: str = "", limit: int = 1000
    ) -> tuple[Record, ...]:
        """Return the newest orders that stand so, of one partner if named."""
        with self.database.read() as tx:
            rows = [
                row
                for standing in sorted(standings)
                for row in tx.all(
                    "orders_standing", standing=standing, partner=partner, limit=limit
                )
            ]
        found = [RECORD.validate_json(row.value) for row in rows]
        return tuple(sorted(found, key=lambda r: r.order.asked_at, reverse=True)[:limit])

    def _change(self, attempt: AttemptId, change: Callable[[Record], Record]) -> Record:
        with self.database.write() as tx:
            record = _find(tx, attempt)
            if record is None:
                msg = f"{attempt} was never asked of a partner"
                raise NotFound(msg)
            changed = change(record)
            if changed != record:
                _keep(tx, changed)
        return changed


def _going_on(order: Order, earlier: Record) -> Record:
    """Return the order as the going on of one that was given up."""
    before = earlier.order
    first = before.first_due or before.due_at
    same = replace(order, key=before.key, hook=before.hook, first_due=first)
    seen = earlier.seen
    standing = Standing.RUNNING if seen.standing is Standing.ANSWERED else seen.standing
    return replace(earlier, order=same, standing=standing, over_at=None, claim="")


def _find(tx: Transaction, attempt: AttemptId) -> Record | None:
    row = tx.one("order_of_attempt", attempt=attempt)
    return RECORD.validate_json(row.value) if row else None


def _keep(tx: Transaction, record: Record) -> None:
    tx.run(
        "order_update",
        attempt=record.order.attempt,
        standing=record.standing,
        value=encode(record),
    )
