"""Partner: have somebody else's lab decide the cell, within the time that was agreed.

Silence is never green: without a usable answer in time the cell is broken, blame partner, and its
arch's next alternative follows. What comes later is taken in by an attempt of its own.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from orchestrator.model.errors import (
    Cancelled,
    OutOfTime,
    PartnerError,
    PartnerSilent,
    SmoketestError,
)
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.partner import Answer, Contract, Order, Record, Sighting, Standing, weigh
from orchestrator.model.run import Task
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
from orchestrator.ports.partner import Partner

#: seconds for one conversation with the partner, for its files, and for stopping it
CALL_SECONDS = 60.0
FETCH_SECONDS = 300.0
CANCEL_SECONDS = 30.0
#: seconds between looks at whether it called back or somebody stopped us
LOOK_SECONDS = 0.5
#: seconds that a build which was there may be gone: its Jenkins restarts
GRACE_SECONDS = 300.0

_TOLD = {
    Standing.ACCEPTED: Kind.ACCEPTED,
    Standing.RUNNING: Kind.BUILDING,
    Standing.ANSWERED: Kind.ANSWERED,
}


def partner(task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
    """Yield what becomes of the order, then TESTED; raise whose failure it was otherwise."""
    name = task.way.partner
    if name not in kit.partners:
        raise PartnerError(f"{name} is no partner of this lab any more; see its lab file")
    visit = _Visit(task, kit, kit.contracts[name], kit.partners[name])
    record = kit.orders.open(visit.order())
    try:
        if not task.happened(Kind.ASKED):
            yield _event(Kind.ASKED, visit.told(record.order))
        record = yield from visit.follow(record, deadline)
        yield from visit.answer(record, deadline)
    except PartnerError:
        # Unless it ended otherwise before: what stands first stays.
        kit.orders.close(task.attempt, Standing.REFUSED, kit.clock.now())
        raise
    except Cancelled:
        visit.withdraw(kit.orders.find(task.attempt) or record)
        raise


class _Visit:
    """One attempt at one partner."""

    def __init__(self, task: Task, kit: Kit, contract: Contract, driver: Partner) -> None:
        self._task, self._kit = task, kit
        self._contract, self._driver = contract, driver
        self._problem = ""
        self._missed: datetime | None = None

    def order(self) -> Order:
        """Return what is asked; the store keeps the first, so that a repeat asks the same."""
        task, now, secret = self._task, self._kit.clock.now(), self._kit.vault.one_time
        commit = task.snapshot.commit
        return Order(
            attempt=task.attempt,
            partner=self._contract.name,
            arch=task.arch.name,
            key=f"{task.attempt}#{secret(task.attempt, 'partner-key').reveal()[:12]}",
            repo=commit.repo,
            ref=commit.ref,
            commit=commit.sha,
            hook=secret(task.attempt, "partner-hook").reveal(),
            asked_at=now,
            due_at=now + timedelta(seconds=self._contract.deadline),
        )

    def told(self, order: Order) -> str:
        """Return the sentence that says what is asked of whom until when."""
        job = self._contract.jobs.get(order.arch, order.arch)
        return f"{order.partner} for {job} by {order.due_at:%Y-%m-%d %H:%M} UTC"

    def follow(self, record: Record, deadline: Deadline) -> Generator[Event, None, Record]:
        """Yield each new state until the partner is done; return the record as it is then."""
        while record.seen.standing is not Standing.ANSWERED:
            seen = self._look(record, deadline.within(CALL_SECONDS, "asking the partner"))
            if seen != record.seen:
                yield from self._news(record.seen, seen)
                record = self._kit.orders.saw(self._task.attempt, seen, self._kit.clock.now())
            if seen.standing is not Standing.ANSWERED:
                yield from self._overdue(record)
                self._wait(deadline)
        return record

    def answer(self, record: Record, deadline: Deadline) -> Iterator[Event]:
        """Take the result in; return if it is green, raise whose failure it is otherwise."""
        order = record.order
        if order.first_due and not self._task.happened(Kind.LATE):
            over = self._kit.clock.now() - order.first_due
            yield _event(Kind.LATE, f"late: {order.partner} answered {_span(over)} after its time")
        found = self._fetched(record, deadline)
        kept = "".join(f"; {a.name} sha256 {a.sha256}" for a in found.artifacts)
        yield _event(Kind.NOTE, f"{order.partner} says {found.claim}{kept}")
        if found.tests is not None:
            yield Event(kind=Kind.TESTED, stage=Stage.PARTNER, tests=found.tests)
        self._close(Standing.ANSWERED, found.claim)
        weigh(order, found)

    def withdraw(self, record: Record) -> None:
        """Stop the order there as well as we can: somebody stopped the attempt."""
        limit = Deadline(self._kit.clock, CANCEL_SECONDS, what="stopping the partner's build")
        with suppress(SmoketestError):  # it is stopped here whatever they do
            self._driver.cancel(record.order, record.seen, limit)
        self._close(Standing.WITHDRAWN)

    def _look(self, record: Record, deadline: Deadline) -> Sighting:
        """Return what the order is there now, or was when the partner last answered."""
        order, known = record.order, record.seen
        try:
            if known.standing is Standing.ASKED:
                seen = self._driver.start(order, deadline)
            else:
                seen = self._driver.poll(order, known, deadline)
        except (PartnerSilent, OutOfTime) as error:
            self._problem = str(error)
            return known
        self._problem = ""
        if seen.standing is Standing.ASKED and known.standing is not Standing.ASKED:
            return self._missing(known)
        self._missed = None
        return seen

    def _missing(self, known: Sighting) -> Sighting:
        """Return what was known of an order that is gone; raise when it was gone for long."""
        now = self._kit.clock.now()
        self._missed = self._missed or now
        if (now - self._missed).total_seconds() > min(GRACE_SECONDS, self._contract.accept):
            name = self._contract.name
            where = known.url or f"queue item {known.queue}"
            raise PartnerError(f"{name} lost {where}: it answers, but knows nothing of it any more")
        return known

    def _news(self, before: Sighting, seen: Sighting) -> Iterator[Event]:
        kind = _TOLD.get(seen.standing)
        if kind and seen.standing is not before.standing:
            yield _event(kind, " ".join(filter(None, (seen.url, seen.text))))
        elif seen.text and seen.text != before.text:
            yield _event(Kind.PROGRESS, seen.text)

    def _overdue(self, record: Record) -> Iterator[Event]:
        """Yield LATE or SILENT and raise `PartnerError`, once the time for that is up."""
        order, now = record.order, self._kit.clock.now()
        waited = now - order.asked_at
        unheard = record.seen.standing is Standing.ASKED
        due = now > order.due_at
        if not due and not (unheard and waited.total_seconds() > self._contract.accept):
            return
        silent = unheard or bool(self._problem)
        sentence = self._silence(record) if silent else self._lateness(record)
        yield _event(Kind.SILENT if silent else Kind.LATE, sentence)
        self._close(Standing.SILENT if silent else Standing.LATE)
        raise PartnerError(sentence)

    def _silence(self, record: Record) -> str:
        order = record.order
        waited = _span(self._kit.clock.now() - order.asked_at)
        last = f"; last seen {record.seen.standing}" * (record.seen.standing is not Standing.ASKED)
        why = f" ({self._problem})" if self._problem else ""
        return f"{order.partner} is silent: no answer in {waited}{why}{last}"

    def _lateness(self, record: Record) -> str:
        order, seen = record.order, record.seen
        agreed = _span(order.due_at - order.asked_at)
        where = f", {seen.url}" if seen.url else ""
        return f"{order.partner} is late: still {seen.standing} after {agreed}{where}"

    def _wait(self, deadline: Deadline) -> None:
        """Wait until the next look is due, or the partner calls back."""
        clock = self._kit.clock
        end = clock.now() + timedelta(seconds=self._contract.poll)
        while clock.now() < end and not self._kit.orders.called(self._task.attempt):
            deadline.sleep(min(LOOK_SECONDS, self._contract.poll))

    def _fetched(self, record: Record, deadline: Deadline) -> Answer:
        """Return the result; a partner that goes away over it has until its time is up."""
        while True:
            limit = deadline.within(FETCH_SECONDS, "fetching the partner's result")
            try:
                return self._driver.fetch(record.order, record.seen, self._task.folder, limit)
            except (PartnerSilent, OutOfTime) as error:
                self._problem = str(error)
            if self._kit.clock.now() > record.order.due_at:
                msg = f"{record.order.partner} is done, but its result cannot be had"
                raise PartnerError(f"{msg} ({self._problem})")
            self._wait(deadline)

    def _close(self, standing: Standing, claim: str = "") -> None:
        self._kit.orders.close(self._task.attempt, standing, self._kit.clock.now(), claim)


def _event(kind: Kind, text: str) -> Event:
    return Event(kind=kind, stage=Stage.PARTNER, text=text)


def _span(length: timedelta) -> str:
    """Return a length of time for a person: `40 s`, `15 min`, `2 h 05 min`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 120:  # in minutes this would be too coarse
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
