"""What partners that come to us were given and brought."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from orchestrator.drivers.store.codec import DELIVERY, encode, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.errors import NotFound
from orchestrator.model.partner import Delivery, Order


@dataclass(frozen=True, slots=True)
class Deliveries:
    """`ports.store.Deliveries` over a database."""

    database: Database

    def find(self, key: str) -> Delivery:
        """Return what is known of the order of that key; an empty one if nothing is."""
        with self.database.read() as tx:
            row = tx.one("delivery_of_order", key=key)
        return DELIVERY.validate_json(row.value) if row else Delivery()

    def offer(self, order: Order) -> Delivery:
        """Lay the order out for its partner to take; one that is there stays as it is."""
        with self.database.write() as tx:
            tx.run(
                "delivery_insert",
                key=order.key,
                partner=order.partner,
                at=stamp(order.asked_at),
                value=encode(Delivery(order=order)),
            )
            row = tx.single("delivery_of_order", key=order.key)
        return DELIVERY.validate_json(row.value)

    def take(self, partner: str, worker: str, now: datetime, stale: datetime) -> Order | None:
        """Give the partner's worker its order, or the oldest that none is at, or None."""
        with self.database.write() as tx:
            row = tx.one("delivery_next", partner=partner, worker=worker, stale=stamp(stale))
            if row is None:
                return None
            tx.run("delivery_taken", key=row.key, at=stamp(now), worker=worker)
        return DELIVERY.validate_json(row.value).order

    def held(self, key: str, worker: str, now: datetime) -> None:
        """Remember that the worker is still at the order."""
        with self.database.write() as tx:
            tx.run("delivery_taken", key=key, at=stamp(now), worker=worker)

    def change(self, key: str, change: Callable[[Delivery], Delivery]) -> Delivery:
        """Store the delivery as `change` makes it, in one transaction; raise `NotFound`."""
        with self.database.write() as tx:
            row = tx.one("delivery_of_order", key=key)
            if row is None:
                msg = f"nothing is laid out for {key}"
                raise NotFound(msg)
            changed = change(DELIVERY.validate_json(row.value))
            over = int(changed.withdrawn or changed.answer is not None)
            tx.run("delivery_update", key=key, value=encode(changed), over=over)
        return changed
