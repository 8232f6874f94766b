"""The history that states are derived from."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.drivers.store.attempts import (
    Attempt,
    NewAttempt,
    close,
    enqueue,
    find_all,
    following,
    give_back,
    record_all,
    refuse_stale,
)
from orchestrator.drivers.store.codec import event_from
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.drivers.store.superseding import successor
from orchestrator.drivers.store.together import Together
from orchestrator.model.errors import Bug, LeaseLost
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, RunId
from orchestrator.model.lease import Turn
from orchestrator.model.run import State
from orchestrator.model.verdict import Ruling

_BEGINS = frozenset({Kind.STARTED, Kind.RESUMED})
_ENDS = frozenset({Kind.FINISHED, Kind.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """What one call of `append` asked for."""

    attempt: AttemptId
    events: Sequence[Event]
    now: datetime
    retry: frozenset[str] | None
    turn: Turn | None
    walk: int


class Events:
    """`ports.store.Events` over a database."""

    def __init__(self, database: Database, together: Together) -> None:
        """Keep them in `database`, which many change `together`."""
        self.database = database
        self._together = together

    def append(
        self,
        attempt: AttemptId,
        events: Sequence[Event],
        now: datetime,
        *,
        retry: frozenset[str] | None = None,
        turn: Turn | None = None,
        walk: int = 0,
    ) -> bool:
        """Store what is new of `events`; a JUDGED settles the attempt and may queue the next.

        The word that the release is over ends the lease.

        Returns whether somebody asked the attempt to stop. Raises `LeaseLost`, and stores nothing,
        if `walk` is given and is not the newest any more, or begins a stage without machines.
        """
        asked = Append(attempt=attempt, events=events, now=now, retry=retry, turn=turn, walk=walk)
        return self._together.do(_append, asked)

    def of(self, attempt: AttemptId) -> tuple[Event, ...]:
        """Return the attempt's events, oldest first."""
        with self.database.ask() as tx:
            return tuple(map(event_from, tx.all("events_of_attempt", attempt=attempt)))

    def since(self, seq: int, limit: int = 500) -> tuple[tuple[AttemptId, Event], ...]:
        """Return at most `limit` events after position `seq` anywhere, oldest first."""
        with self.database.ask() as tx:
            rows = tx.all("events_since", seq=seq, limit=limit)
        return tuple((AttemptId(row.attempt), event_from(row)) for row in rows)

    def of_run(self, run: RunId, seq: int, limit: int = 500) -> tuple[tuple[AttemptId, Event], ...]:
        """Return at most `limit` events of the run after position `seq`, oldest first."""
        with self.database.read() as tx:
            rows = tx.all("board_events_of_run", run=run, seq=seq, limit=limit)
        return tuple((AttemptId(row.attempt), event_from(row)) for row in rows)


def _append(tx: Transaction, asked: Sequence[Append]) -> Sequence[bool]:
    """Store what several calls ask for, in their order."""
    names = list(dict.fromkeys(item.attempt for item in asked))
    found = dict(find_all(tx, names))
    ending = {a.attempt for a in asked if any(event.kind in _ENDS for event in a.events)}
    over = _over(tx, [name for name in names if name in ending])
    happened: list[tuple[AttemptId, Event, datetime]] = []
    rulings: dict[AttemptId, Ruling] = {}
    judged: list[tuple[Attempt, Append]] = []
    for item in asked:
        attempt = found[item.attempt]
        refuse_stale(attempt, item.walk)
        _refuse_empty(attempt, item)
        new = _new(over, attempt, item.events)
        over |= {(attempt.id, event.stage) for event in new if event.kind in _ENDS}
        ruling = _ruling(attempt.id, new)
        happened += [(attempt.id, event, event.at or item.now) for event in new]
        if ruling:
            rulings[attempt.id] = ruling
            judged.append((attempt, item))
            found[attempt.id] = replace(attempt, state=State.DONE)
    record_all(tx, happened)
    close(tx, rulings)
    record_all(tx, list(_tried_again(tx, judged)))
    give_back(tx, [item.attempt for item in asked if _released(item.events)])
    states = (found[item.attempt] for item in asked)
    return [attempt.stopping and attempt.state is State.RUNNING for attempt in states]


def _tried_again(
    tx: Transaction, judged: Sequence[tuple[Attempt, Append]]
) -> Iterator[tuple[AttemptId, Event, datetime]]:
    """Queue what is tried again, and yield what is to be said of what is not."""
    for attempt, item in judged:
        if item.retry is not None and not attempt.stopping:
            again = following(attempt, item.retry, item.turn)
            at = _judged_at(item.events) or item.now
            for note in _try_again(tx, attempt, again, at):
                yield attempt.id, note, item.now


def _released(events: Sequence[Event]) -> bool:
    return any(e.stage is Stage.RELEASE and e.kind is Kind.FINISHED for e in events)


def _over(tx: Transaction, attempts: Sequence[AttemptId]) -> set[tuple[str, str]]:
    """Return the stages of the attempts that are over."""
    rows = tx.all("stages_ended", ids=attempts) if attempts else ()
    return {(row.attempt, row.stage) for row in rows}


def _refuse_empty(attempt: Attempt, item: Append) -> None:
    """Raise `LeaseLost` if a walk would begin a stage after the machines were given back."""
    if item.walk and not attempt.holding and any(event.kind in _BEGINS for event in item.events):
        msg = f"{attempt.id} has no machines any more; what it would do to them is refused"
        raise LeaseLost(msg)


def _new(over: Set[tuple[str, str]], attempt: Attempt, events: Sequence[Event]) -> list[Event]:
    """Return the events without those that repeat what is stored.

    Who repeats a stage's end repeats that stage: what comes with it is dropped too.
    """
    ended = {event.stage for event in events if event.kind in _ENDS}
    repeated = {stage for stage in ended if (attempt.id, stage) in over}
    settled = attempt.state is State.DONE
    return [
        event
        for event in events
        if event.stage not in repeated and not (settled and event.kind is Kind.JUDGED)
    ]


def _judged_at(events: Sequence[Event]) -> datetime | None:
    """Return when it was judged, if that is told: the next try is known by that very time."""
    return next((event.at for event in events if event.kind is Kind.JUDGED), None)


def _ruling(attempt: AttemptId, events: Sequence[Event]) -> Ruling | None:
    """Return what the attempt is judged as by one of these events, or None."""
    judged = next((event for event in events if event.kind is Kind.JUDGED), None)
    if judged and judged.ruling is None:
        msg = f"{attempt} was judged without a ruling"
        raise Bug(msg)
    return judged.ruling if judged else None


def _try_again(
    tx: Transaction, attempt: Attempt, again: NewAttempt, now: datetime
) -> tuple[Event, ...]:
    """Queue the next try, unless a newer commit has taken its place in the lane `merged`.

    Return what is to be said after the verdict.
    """
    newer = successor(tx, attempt.id)
    if newer is None:
        enqueue(tx, [again], now)
        return ()
    text = f"not tried again: superseded by run {newer}, which has a newer commit"
    return (Event(kind=Kind.NOTE, stage=Stage.VERDICT, text=text),)
