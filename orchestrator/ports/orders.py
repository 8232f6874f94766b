"""What partners are asked, and what those of them that come to us are given and bring."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Comparison, Delivery, Order, Record, Sighting, Standing


class Orders(Protocol):
    """What partners were asked, and what became of it."""

    def open(self, order: Order) -> Record:
        """Store the order and return it, or the one that its attempt has.

        If an earlier attempt at the cell was given up while this partner had not answered, its
        order goes on under this attempt: with its key, and with what was seen of it.
        """
        ...

    def find(self, attempt: AttemptId) -> Record | None:
        """Return the attempt's order, or None."""
        ...

    def by_hook(self, hook: str) -> Record | None:
        """Return the order that a call-back's secret opens, or None."""
        ...

    def saw(self, attempt: AttemptId, seen: Sighting, now: datetime) -> Record:
        """Store what a look found; return the order with it."""
        ...

    def close(self, attempt: AttemptId, standing: Standing, now: datetime, claim: str = "") -> None:
        """Store how the order ended; the first time counts, but late ones may be taken."""
        ...

    def call(self, attempt: AttemptId) -> None:
        """Remember that the partner called back about the order."""
        ...

    def called(self, attempt: AttemptId) -> bool:
        """Return whether it did since this was last asked."""
        ...

    def compared(self, partner: str, limit: int = 1000) -> tuple[Comparison, ...]:
        """Return where somebody else judged the same commit on the same arch as the partner."""
        ...

    def among(
        self, standings: Collection[Standing], partner: str = "", limit: int = 1000
    ) -> tuple[Record, ...]:
        """Return the newest orders that stand so, of one partner if named."""
        ...


class Deliveries(Protocol):
    """What partners that come to us were given and brought."""

    def find(self, key: str) -> Delivery:
        """Return what is known of the order of that key; an empty one if nothing is."""
        ...

    def offer(self, order: Order) -> Delivery:
        """Lay the order out for its partner to take; one that is there stays as it is."""
        ...

    def take(self, partner: str, worker: str, now: datetime, stale: datetime) -> Order | None:
        """Give the partner's worker its order, or the oldest that none is at, or None.

        Who was not heard of since `stale` is not at it any more.
        """
        ...

    def held(self, key: str, worker: str, now: datetime) -> None:
        """Remember that the worker is still at the order."""
        ...

    def change(self, key: str, change: Callable[[Delivery], Delivery]) -> Delivery:
        """Store the delivery as `change` makes it, in one transaction; raise `NotFound`."""
        ...
