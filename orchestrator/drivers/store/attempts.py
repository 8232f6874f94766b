"""What runs, events and queue all do to attempts, within a transaction of theirs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import (
    encode,
    event_from,
    event_text,
    instant,
    names_from,
    stamp,
)
from orchestrator.drivers.store.database import Transaction
from orchestrator.model.errors import LeaseLost, NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, attempt_id, number_of, run_of
from orchestrator.model.lease import FIRST, Turn
from orchestrator.model.run import State
from orchestrator.model.summary import summarise
from orchestrator.model.verdict import Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt as it is stored."""

    id: AttemptId
    cell: CellId
    state: State
    priority: int
    #: nodes to keep away from
    avoid: frozenset[str]
    turn: Turn
    #: somebody asked for its end
    stopping: bool
    #: it was given machines, and has not given them back
    holding: bool
    #: it was given machines once
    granted: bool
    held_until: datetime | None
    #: how often its walk was begun; an older one is refused
    walk: int
    #: the worker that began it last
    walker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """An attempt to be stored."""

    cell: CellId
    number: int
    priority: int
    avoid: frozenset[str] = frozenset()
    turn: Turn = FIRST

    @property
    def id(self) -> AttemptId:
        """Return its name."""
        return attempt_id(self.cell, self.number)


def find(tx: Transaction, attempt: AttemptId) -> Attempt:
    """Return the attempt; raise `NotFound`."""
    return find_all(tx, [attempt])[attempt]


def find_all(tx: Transaction, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Attempt]:
    """Return the attempts by their names; raise `NotFound` if one is missing."""
    rows = tx.all("attempts_by_id", ids=attempts) if attempts else ()
    found = {AttemptId(row.id): _attempt(row) for row in rows}
    for attempt in attempts:
        if attempt not in found:
            msg = f"there is no attempt {attempt}"
            raise NotFound(msg)
    return found


def refuse_stale(attempt: Attempt, walk: int) -> None:
    """Raise `LeaseLost` for a walk (if one is named) that another one took over."""
    if walk and walk != attempt.walk:
        msg = f"{attempt.id} was taken over by another worker; what this one would do is refused"
        raise LeaseLost(msg)


def newest(tx: Transaction, cells: Sequence[CellId]) -> Mapping[CellId, Attempt]:
    """Return each cell's newest attempt; raise `NotFound` if there is no such cell."""
    rows = tx.all("attempts_newest", cells=cells) if cells else ()
    found = {
        attempt.cell: attempt for attempt in find_all(tx, [row.attempt for row in rows]).values()
    }
    for cell in cells:
        if cell not in found:
            msg = f"there is no cell {cell}"
            raise NotFound(msg)
    return found


def following(attempt: Attempt, exclude: frozenset[str], turn: Turn | None) -> NewAttempt:
    """Return the try after this one, away from all that broke a try so far."""
    same = Turn(way=attempt.turn.way, number=attempt.turn.number + 1)
    return NewAttempt(
        cell=attempt.cell,
        number=number_of(attempt.id) + 1,
        priority=attempt.priority,
        avoid=attempt.avoid | exclude,
        turn=turn or same,
    )


def insert(tx: Transaction, attempts: Sequence[NewAttempt], now: datetime) -> None:
    """Store attempts, about to be queued or settled in the same transaction."""
    tx.many("attempt_insert", (_row(attempt, now) for attempt in attempts))


def enqueue(tx: Transaction, attempts: Sequence[NewAttempt], now: datetime) -> None:
    """Store attempts that wait for machines from now on."""
    queued = Event(kind=Kind.STARTED, stage=Stage.LEASE)
    insert(tx, attempts, now)
    record(tx, ((attempt.id, queued) for attempt in attempts), now)


def settle(tx: Transaction, attempts: Sequence[AttemptId], ruling: Ruling, now: datetime) -> None:
    """Store the ruling of attempts that have none yet, and the event that says so."""
    judged = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling, text=ruling.cause)
    record(tx, ((attempt, judged) for attempt in attempts), now)
    close(tx, dict.fromkeys(attempts, ruling))


def close(tx: Transaction, rulings: Mapping[AttemptId, Ruling]) -> None:
    """Store the rulings of attempts, and in short what all of their stored events tell.

    The events that say so are stored already.
    """
    rows = tx.all("events_of_attempts", ids=list(rulings)) if rulings else ()
    told = {
        AttemptId(attempt): tuple(map(event_from, events))
        for attempt, events in groupby(rows, key=lambda row: str(row.attempt))
    }
    tx.many(
        "attempt_close",
        (
            {
                "attempt": attempt,
                "verdict": ruling.verdict,
                "ruling": encode(ruling),
                "summary": encode(summarise(told.get(attempt, ()))),
            }
            for attempt, ruling in rulings.items()
        ),
    )


def give_back(tx: Transaction, attempts: Sequence[AttemptId]) -> None:
    """End the leases of attempts; those that have none are let be."""
    if attempts:
        tx.run("leases_free", ids=attempts)
        tx.run("attempts_free", ids=attempts)


def record(tx: Transaction, happened: Iterable[tuple[AttemptId, Event]], now: datetime) -> None:
    """Store events as having happened now."""
    record_all(tx, [(attempt, event, now) for attempt, event in happened])


def record_all(tx: Transaction, happened: Sequence[tuple[AttemptId, Event, datetime]]) -> None:
    """Store events, each with the time at which it happened."""
    if not happened:
        return
    last = int(tx.single("event_last").seq)
    tx.many(
        "event_insert",
        (
            {
                "seq": last + number,
                "attempt": attempt,
                "at": stamp(at),
                "kind": event.kind,
                "stage": event.stage,
                "value": event_text(event),
            }
            for number, (attempt, event, at) in enumerate(happened, 1)
        ),
    )


def _row(attempt: NewAttempt, now: datetime) -> dict[str, str | int]:
    return {
        "attempt": attempt.id,
        "cell": attempt.cell,
        "run": run_of(attempt.cell),
        "number": attempt.number,
        "priority": attempt.priority,
        "asked_at": stamp(now),
        "avoid": encode(attempt.avoid),
        "way": attempt.turn.way,
        "turn": attempt.turn.number,
    }


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        cell=row.cell,
        state=State(row.state),
        priority=row.priority,
        avoid=names_from(row.avoid),
        turn=Turn(way=row.way, number=row.turn),
        stopping=bool(row.stopping),
        holding=bool(row.holding),
        granted=row.granted_at is not None,
        held_until=instant(row.held_until),
        walk=row.walk,
        walker=row.walker,
    )
