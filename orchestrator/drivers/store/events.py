"""The history that states are derived from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.attempts import (
    Attempt,
    NewAttempt,
    close,
    enqueue,
    find,
    following,
    record,
)
from orchestrator.drivers.store.codec import EVENT, instant
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.drivers.store.superseding import successor
from orchestrator.model.errors import Bug
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Turn
from orchestrator.model.run import State
from orchestrator.model.verdict import Ruling

_ENDS = frozenset({Kind.FINISHED, Kind.FAILED})


@dataclass(frozen=True, slots=True)
class Events:
    """`ports.store.Events` over a database."""

    database: Database

    def append(
        self,
        attempt: AttemptId,
        events: Sequence[Event],
        now: datetime,
        *,
        retry: frozenset[str] | None = None,
        turn: Turn | None = None,
    ) -> None:
        """Store what is new of `events`; a JUDGED settles the attempt and may queue the next."""
        with self.database.write() as tx:
            found = find(tx, attempt)
            new = _new(tx, found, events)
            ruling = _ruling(attempt, new)
            record(tx, ((attempt, event) for event in new), now)
            if ruling:
                close(tx, [attempt], ruling)
            if ruling and retry is not None and not found.stopping:
                _try_again(tx, found, following(found, retry, turn), now)

    def of(self, attempt: AttemptId) -> tuple[Event, ...]:
        """Return the attempt's events, oldest first."""
        with self.database.read() as tx:
            return tuple(map(_event, tx.all("events_of_attempt", attempt=attempt)))

    def since(self, seq: int, limit: int = 500) -> tuple[tuple[AttemptId, Event], ...]:
        """Return at most `limit` events after position `seq` anywhere, oldest first."""
        with self.database.read() as tx:
            rows = tx.all("events_since", seq=seq, limit=limit)
        return tuple((AttemptId(row.attempt), _event(row)) for row in rows)


def _new(tx: Transaction, attempt: Attempt, events: Sequence[Event]) -> list[Event]:
    """Return the events without those that repeat what is stored.

    Who repeats a stage's end repeats that stage: what comes with it is dropped too.
    """
    over = {row.stage for row in tx.all("stages_ended", attempt=attempt.id)}
    repeated = {event.stage for event in events if event.kind in _ENDS and event.stage in over}
    settled = attempt.state is State.DONE
    return [
        event
        for event in events
        if event.stage not in repeated and not (settled and event.kind is Kind.JUDGED)
    ]


def _ruling(attempt: AttemptId, events: Sequence[Event]) -> Ruling | None:
    """Return what the attempt is judged as by one of these events, or None."""
    judged = next((event for event in events if event.kind is Kind.JUDGED), None)
    if judged and judged.ruling is None:
        msg = f"{attempt} was judged without a ruling"
        raise Bug(msg)
    return judged.ruling if judged else None


def _try_again(tx: Transaction, attempt: Attempt, again: NewAttempt, now: datetime) -> None:
    """Queue the next try, unless a newer commit has taken its place in the lane `merged`."""
    newer = successor(tx, attempt.id)
    if newer is None:
        enqueue(tx, [again], now)
        return
    text = f"not tried again: superseded by run {newer}, which has a newer commit"
    record(tx, [(attempt.id, Event(kind=Kind.NOTE, stage=Stage.VERDICT, text=text))], now)


def _event(row: Row[Any]) -> Event:
    return replace(EVENT.validate_json(row.value), at=instant(row.at), seq=row.seq)
