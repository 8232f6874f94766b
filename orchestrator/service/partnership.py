"""Partners: how they keep to what was agreed, what comes late of them, and what they bring us."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

from orchestrator.model.access import Asker, Right
from orchestrator.model.errors import ConfigError, Denied, NotFound, PartnerError, SmoketestError
from orchestrator.model.ids import cell_of
from orchestrator.model.partner import (
    LATECOMERS,
    Answer,
    Contract,
    Delivery,
    Order,
    Record,
    Sighting,
    Standing,
)
from orchestrator.model.run import Cell, State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import OrderView, PartnerView
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.engine import Engine
from orchestrator.ports.orders import Deliveries, Orders
from orchestrator.ports.partner import Partner
from orchestrator.ports.signature import Verifier
from orchestrator.ports.store import Queue, Runs
from orchestrator.ports.tokens import Tokens

#: how long what comes late is still waited for
PATIENCE = timedelta(days=7)
LOOK_SECONDS = 60.0
#: orders that the scoreboard looks back on, and that are listed
HISTORY, LISTED = 1000, 50
#: a worker of a partner that is silent for so long is not at its order any more
WORKER_SILENT = timedelta(minutes=2)

_ENDED_ILL = frozenset({Standing.LATE, Standing.SILENT, Standing.REFUSED, Standing.TAKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Partnership:
    """Reads and acts on what partners were asked."""

    clock: Clock
    contracts: Mapping[str, Contract]
    partners: Mapping[str, Partner]
    #: why a partner is left alone now, or an empty text
    trouble: Callable[[str], str]
    orders: Orders
    deliveries: Deliveries
    tokens: Tokens
    verifier: Verifier
    runs: Runs
    queue: Queue
    engine: Engine

    def board(self) -> tuple[PartnerView, ...]:
        """Return every partner of the lab with how it keeps to what was agreed."""
        return tuple(self._view(contract) for contract in self.contracts.values())

    def one(self, name: str) -> PartnerView:
        """Return a partner; raise `NotFound`."""
        if contract := self.contracts.get(name):
            return self._view(contract)
        has = ", ".join(self.contracts) or "none: see [partners] in docs/vendors.md"
        raise NotFound(f"this lab has no partner {name!r}; it has {has}")

    def called(self, hook: str) -> None:
        """Take a call-back: the order is looked into at once; what it claims counts for nothing.

        Raises `NotFound` for a secret that opens nothing.
        """
        record = self.orders.by_hook(hook)
        if record is None:
            raise NotFound("this address was never given, or is not good any more")
        self.orders.call(record.order.attempt)

    def latecomers(self) -> tuple[Record, ...]:
        """Return the orders that were given up, and whose result may still come."""
        since = self.clock.now() - PATIENCE
        found = self.orders.among(LATECOMERS)
        return tuple(record for record in found if record.order.asked_at > since)

    def welcome(self, record: Record) -> bool:
        """Look whether a late order is done; if so, have an attempt of its own take it in.

        Returns whether it was. While the cell is tried another way, it waits for that.
        """
        order = record.order
        driver = self.partners.get(order.partner)
        cell = self.runs.cell(cell_of(order.attempt))
        if driver is None or cell.state is not State.DONE:
            return False
        limit = Deadline(self.clock, LOOK_SECONDS, what="looking for what comes late")
        seen = record.seen
        with suppress(SmoketestError):
            seen = driver.poll(order, record.seen, limit)
        if seen.standing is not Standing.ANSWERED:
            return False
        self.orders.saw(order.attempt, seen, self.clock.now())
        way = _way(cell, order.partner)
        if way is None or (_decided(cell) and cell.way < way):
            # Something more real has decided it since: only the scoreboard wants to know.
            self.orders.close(order.attempt, Standing.TAKEN, self.clock.now())
            return False
        self.queue.recheck(cell.id, self.clock.now(), way)
        self.engine.wake()
        return True

    def next(self, asker: Asker, worker: str, public_key: str) -> Order | None:
        """Give a partner's worker an order, or None; what signs its results is fixed from now on.

        Raises `Denied`.
        """
        self._deliverer(asker)
        if self.tokens.pin(asker.token, public_key) != public_key:
            msg = f"another key signs for the token {asker.token}: use that, or make a new token"
            raise Denied(msg)
        now = self.clock.now()
        return self.deliveries.take(asker.partner, worker, now, now - WORKER_SILENT)

    def progress(self, asker: Asker, key: str, worker: str, text: str) -> bool:
        """Take how far the worker is; return whether it is to go on. Raises `Denied`, `NotFound`.

        The order is theirs, or it is not there.
        """
        seen = Sighting(standing=Standing.RUNNING, url="", text=text)
        found = self.deliveries.change(key, lambda d: self._moved(asker, d, seen))
        self.deliveries.held(key, worker, self.clock.now())
        self._wake(found)
        return not found.withdrawn

    def deliver(
        self, asker: Asker, key: str, signed: tuple[bytes, str], brought: tuple[Answer, str]
    ) -> bool:
        """Take a result, `signed` with its signature; return whether it was the first.

        Raises `Denied` unless what was brought under the token before is what signed it.
        """
        self._deliverer(asker)
        message, signature = signed
        if not self.verifier.genuine(self.tokens.pin(asker.token, ""), message, signature):
            raise Denied("the result is not signed by the key that this token began with")
        answer, console = brought

        def keep(delivery: Delivery) -> Delivery:
            if delivery.answer is not None:
                return delivery
            seen = Sighting(standing=Standing.ANSWERED, text="brought its result")
            moved = self._moved(asker, delivery, seen)
            return replace(moved, answer=answer, signed=signature, console=console)

        found = self.deliveries.change(key, keep)
        self._wake(found)
        return found.signed == signature

    def _moved(self, asker: Asker, delivery: Delivery, seen: Sighting) -> Delivery:
        self._deliverer(asker)
        if delivery.order is None or delivery.order.partner != asker.partner:
            raise NotFound("there is no such order for you")
        return delivery if delivery.answer is not None else replace(delivery, seen=seen)

    def _deliverer(self, asker: Asker) -> None:
        if not asker.may(Right.DELIVER) or not asker.partner:
            raise Denied(f"{asker.name} speaks for no partner: this takes a vendor's token")
        contract = self.contracts.get(asker.partner)
        if contract is None or contract.url:
            msg = f"the lab file has no partner {asker.partner} with `pull = true`"
            raise ConfigError(msg)

    def _wake(self, delivery: Delivery) -> None:
        if delivery.order:
            with suppress(PartnerError):
                self.orders.call(delivery.order.attempt)

    def _view(self, contract: Contract) -> PartnerView:
        name = contract.name
        records = self.orders.among(frozenset(Standing), name, HISTORY)
        counts = Counter(record.standing for record in records)
        answered = counts[Standing.ANSWERED]
        ended = answered + sum(counts[standing] for standing in _ENDED_ILL)
        intime = sum(r.standing is Standing.ANSWERED and not r.order.first_due for r in records)
        compared = self.orders.compared(name, HISTORY)
        wrong = tuple(c.attempt for c in compared if c.theirs is not c.ours)
        return PartnerView(
            name=name,
            driver=contract.driver,
            url=contract.url,
            archs=tuple(contract.jobs),
            hardware=contract.hardware,
            trouble=self.trouble(name),
            asked=len(records),
            answered=answered,
            in_time=intime,
            late=counts[Standing.LATE] + counts[Standing.TAKEN],
            silent=counts[Standing.SILENT],
            refused=counts[Standing.REFUSED],
            under_way=len(records) - ended - counts[Standing.WITHDRAWN],
            answer_rate=round(intime / ended, 3) if ended else None,
            usual_seconds=_usual(records),
            compared=len(compared),
            disagreed=tuple(dict.fromkeys(wrong)),
            orders=tuple(map(_order, records[:LISTED])),
        )


def _usual(records: tuple[Record, ...]) -> float | None:
    """Return the median seconds from asking to the answer, of those that came in time."""
    taken = [
        (r.over_at - r.order.asked_at).total_seconds()
        for r in records
        if r.standing is Standing.ANSWERED and r.over_at and not r.order.first_due
    ]
    return round(median(taken), 1) if taken else None


def _order(record: Record) -> OrderView:
    order = record.order
    return OrderView(
        attempt=order.attempt,
        arch=order.arch,
        commit=order.commit[:10],
        standing=record.standing,
        claim=record.claim,
        url=record.seen.url,
        asked_at=order.asked_at,
        due_at=order.due_at,
        over_at=record.over_at,
    )


def _way(cell: Cell, partner: str) -> int | None:
    """Return the number of the alternative that asks the partner, or None."""
    return next((n for n, way in enumerate(cell.arch.ways) if way.partner == partner), None)


def _decided(cell: Cell) -> bool:
    ruling = cell.ruling
    return ruling is not None and ruling.verdict in {Verdict.PASSED, Verdict.FAILED}
