"""Who waits for machines and who has them."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store import grants, shares
from orchestrator.drivers.store.attempts import (
    NewAttempt,
    enqueue,
    find,
    find_all,
    give_back,
    newest,
    record,
    refuse_stale,
    settle,
)
from orchestrator.drivers.store.codec import milliseconds, stamp
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.drivers.store.mirror import Mirror, decoded
from orchestrator.drivers.store.semaphores import one_each, waits
from orchestrator.drivers.store.together import Together
from orchestrator.model.errors import Cancelled, ConfigError, LeaseLost, NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, number_of
from orchestrator.model.lease import TERM, Lease, Schedule, Situation, Turn
from orchestrator.model.run import State
from orchestrator.model.verdict import Ruling, Verdict

_NOTHING = Schedule(grants=(), waits=())
#: milliseconds between passes that only tell why who waits
_PAUSE = 900
#: and how many times as long as the last such took
_TOLD = 19
#: while fewer wait each pass tells them why
_FEW = 100
#: after a pass there is none for so many times as long as it took, since it must leave time to
#: those who work on the queue, or for so many milliseconds and at least three times as long
_REST, _ENOUGH = 9, 500
#: only for as long as it took, when one in so many of all machines is free
_MANY = 8
_NEVER_RAN = "stopped while it waited for machines"


@dataclass(frozen=True, slots=True)
class Free:
    """What one call of `release` asked for."""

    attempt: AttemptId
    walk: int


@dataclass(frozen=True, slots=True)
class Again:
    """What one call of `recheck` asked for."""

    cell: CellId
    now: datetime
    way: int


@dataclass(frozen=True, slots=True)
class Walk:
    """What one call of `walk` asked for."""

    attempt: AttemptId
    walker: str


class Queue:
    """`ports.store.Queue` over a database."""

    def __init__(self, database: Database, together: Together) -> None:
        """Keep it in `database`, which many change `together`."""
        self.database = database
        self._together = together
        self._mirror = Mirror()

    def due(self, *, woken: bool) -> bool:
        """Return whether a scheduling pass is worth it now; passes rest in between.

        `woken`, when something changed, it is if a node is free, the sooner the more are; else from
        time to time, to tell those who wait why.
        """
        with self.database.ask() as tx:
            found = tx.single("pass_due")
            if not found.waiting:
                return False
            now = tx.clock()
        last = found if found.ended is not None else None
        if not woken:
            return _tells(last, now)
        rested = now - last.ended if last else -1
        if last and 0 <= rested < last.took:
            return False
        least = found.many / _MANY if last and 0 <= rested < _rest(last.took) else 1
        return bool(found.free and found.free >= least)

    def grant(self, decide: Callable[[Situation], Schedule], now: datetime) -> Schedule:
        """Show queue, nodes and shares to `decide`; store and return what it decided.

        Attempts whose semaphore is taken are not shown. Raises `Bug`, and stores nothing, when
        what `decide` gives away is not free or not a whole gang. Why everybody waits is asked for
        in each pass while few do, and else in one of several.
        """
        with self.database.ask() as tx:
            if tx.one("anyone_waits") is None:
                return _NOTHING
        with self.database.write() as tx:
            began = tx.clock()
            few = len(self._mirror) < _FEW
            tell = few or _tells(tx.one("pass_last"), began)
            queue = self._mirror.queue(tx, whole=tell)
            nodes = grants.candidates(tx)
            blocked = waits(queue, grants.semaphores(tx, queue))
            held_up = {attempt for attempt, _ in blocked}
            shown = tuple(i for i in queue if i.attempt not in held_up) if blocked else queue
            decided = decide(
                Situation(now=now, queue=shown, nodes=nodes, ledger=shares.read(tx), tell=tell)
            )
            grants.prove(decided, shown, nodes)
            kept = one_each(decided, shown)
            schedule = replace(kept, waits=(*kept.waits, *blocked)) if tell else kept
            grants.keep(tx, schedule.grants, now, began)
            grants.explain(tx, schedule, queue)
            shares.keep(tx, schedule)
            for attempt, why in grants.hopeless(decided, shown, nodes):
                grants.pass_on(tx, attempt, why, now)
            _keep(tx, began, told=tell, gave=few or not tell)
        return schedule

    def situation(self, now: datetime) -> Situation:
        """Return what `grant` would show now, with who waits for a semaphore."""
        with self.database.read() as tx:
            return Situation(
                now=now,
                queue=tuple(decoded(tx, tx.all("attempts_waiting")).values()),
                nodes=grants.candidates(tx),
                ledger=shares.read(tx),
            )

    def promote(self, cells: Sequence[CellId], reason: str, now: datetime) -> tuple[AttemptId, ...]:
        """Put those cells that wait before everybody else's, and return their attempts."""
        with self.database.write() as tx:
            found = newest(tx, cells)
            last = (found[cell] for cell in cells)
            ours = [attempt.id for attempt in last if attempt.state is State.WAITING]
            tx.many("attempt_promote", ({"attempt": attempt} for attempt in ours))
            note = Event(kind=Kind.NOTE, stage=Stage.LEASE, text=f"promoted: {reason}")
            record(tx, ((attempt, note) for attempt in ours), now)
        return tuple(ours)

    def granted(self) -> tuple[AttemptId, ...]:
        """Return the attempts that were granted and not released yet, first granted first."""
        with self.database.ask() as tx:
            return tuple(AttemptId(row.attempt) for row in tx.all("attempts_granted"))

    def leases(self, attempt: AttemptId) -> tuple[Lease, ...]:
        """Return what the attempt holds now, in the order of its roles."""
        with self.database.ask() as tx:
            rows = tx.all("leases_of_attempt", attempt=attempt)
        return tuple(
            Lease(node=row.node, role=row.role, attempt=attempt, token=row.token) for row in rows
        )

    def turn(self, attempt: AttemptId) -> Turn:
        """Return which alternative of its arch the attempt goes, and which try by it this is."""
        with self.database.ask() as tx:
            return find(tx, attempt).turn

    def recheck(self, cell: CellId, now: datetime, way: int = 0) -> AttemptId:
        """Queue a fresh attempt at a settled cell and return it, or the one that waits already.

        Raises `ConfigError` if the cell runs.
        """
        return self._together.do(_recheck, Again(cell, now, way))

    def cancel(self, attempt: AttemptId, now: datetime) -> bool:
        """Mark the attempt for stopping; return whether it never ran, and so is settled now."""
        with self.database.write() as tx:
            found = find(tx, attempt)
            if found.state is State.WAITING:
                over = Event(kind=Kind.FAILED, stage=Stage.LEASE, text=_NEVER_RAN)
                record(tx, [(attempt, over)], now)
                ruling = Ruling(verdict=Verdict.CANCELLED, cause=_NEVER_RAN)
                settle(tx, [attempt], ruling, now)
            elif found.state is State.RUNNING:
                tx.run("attempt_stop", attempt=attempt)
        return not found.granted

    def walk(self, attempt: AttemptId, walker: str) -> int:
        """Begin a walk of the attempt and return its number: every earlier one is refused from now.

        Raises `LeaseLost` if the attempt has no machines (any more).
        """
        return self._together.do(_walk, Walk(attempt, walker))

    def guard(self, attempt: AttemptId, walk: int = 0) -> None:
        """Raise `Cancelled` or `LeaseLost` if the attempt (its walk, if given) must stop."""
        with self.database.ask() as tx:
            found = find(tx, attempt)
        refuse_stale(found, walk)
        if not found.holding:
            msg = f"{attempt} has no machines any more; what it would do to them is refused"
            raise LeaseLost(msg)
        if found.stopping and found.state is State.RUNNING:
            msg = f"somebody stopped {attempt}"
            raise Cancelled(msg)

    def hold(self, attempt: AttemptId, until: datetime) -> None:
        """Keep the attempt's machines after its verdict until then; raise `NotFound` if freed."""
        with self.database.write() as tx:
            if not find(tx, attempt).holding:
                msg = f"{attempt} has no machines to hold: it waits for them, or gave them back"
                raise NotFound(msg)
            tx.run("attempt_hold", attempt=attempt, until=stamp(until))

    def held_until(self, attempt: AttemptId) -> datetime | None:
        """Return until when a person holds the attempt's machines, or None."""
        with self.database.ask() as tx:
            return find(tx, attempt).held_until

    def release(self, attempt: AttemptId, walk: int = 0) -> None:
        """Give the attempt's nodes back, and its semaphores with them.

        Raises `LeaseLost`, and does nothing, if `walk` is given and was taken over.
        """
        self._together.do(_free, Free(attempt, walk))


def _rest(took: int) -> int:
    """Return for how many milliseconds a few free machines are no reason for another pass."""
    return min(_REST * took, max(_ENOUGH, 3 * took))


def _tells(last: Row[Any] | None, now: int) -> bool:
    """Return whether a pass that begins now tells everybody why they wait."""
    return last is None or not 0 <= now - last.told < max(_PAUSE, _TOLD * int(last.telling))


def _keep(tx: Transaction, began: int, *, told: bool, gave: bool) -> None:
    """Store how long a pass took: one that told many says nothing of those that only gave."""
    ended = tx.clock()
    took = ended - began
    if told:
        tx.run("pass_told", ended=ended, took=took)
    if gave:
        tx.run("pass_keep", ended=ended, took=took)


def _recheck(tx: Transaction, asked: Sequence[Again]) -> Sequence[AttemptId]:
    """Queue fresh attempts at several cells."""
    last = newest(tx, list({item.cell for item in asked}))
    fresh: dict[CellId, NewAttempt] = {}
    for item in asked:
        before = last[item.cell]
        if before.state is State.RUNNING:
            msg = f"{item.cell} runs as attempt {number_of(before.id)}: wait for it, or cancel it"
            raise ConfigError(msg)
        if before.state is State.DONE and item.cell not in fresh:
            fresh[item.cell] = NewAttempt(
                cell=item.cell,
                number=number_of(before.id) + 1,
                priority=before.priority,
                turn=Turn(way=item.way),
            )
    # they came while one transaction was under way: the last one's time is that of all
    enqueue(tx, list(fresh.values()), asked[-1].now)
    return [fresh[i.cell].id if i.cell in fresh else last[i.cell].id for i in asked]


def _walk(tx: Transaction, asked: Sequence[Walk]) -> Sequence[int]:
    """Begin several walks, and tell who takes over whose; `LeaseLost` for one without machines."""
    began = tx.clock()
    before = find_all(tx, list({item.attempt for item in asked}))
    numbers = [_begun(tx, item, began) for item in asked]
    taken = [(before[i.attempt], i.walker) for i in asked if before[i.attempt].walk]
    if taken:
        living = {row.name for row in tx.all("workers_all")}
        notes = ((old.id, _taken_over(old.walker, walker, living)) for old, walker in taken)
        record(tx, notes, datetime.fromtimestamp(began / 1000, UTC))
    return numbers


def _taken_over(before: str, walker: str, living: Collection[str]) -> Event:
    """Return the word of why an attempt is walked anew, for its history."""
    if before == walker:
        text = f"{walker} goes on with it"
    elif before in living:
        text = f"{walker} took it over from {before}, which lives and walked it no more"
    else:
        text = f"{walker} took it over from {before}, which ended or was not heard any more"
    return Event(kind=Kind.NOTE, stage=Stage.LEASE, text=text)


def _begun(tx: Transaction, asked: Walk, now: int) -> int:
    term = now + milliseconds(TERM)
    if row := tx.one("attempt_walk", attempt=asked.attempt, walker=asked.walker, term=term):
        return int(row.walk)
    msg = f"{asked.attempt} has no machines; there is nothing to walk"
    raise LeaseLost(msg)


def _free(tx: Transaction, asked: Sequence[Free]) -> Sequence[None]:
    """Give back what several attempts have."""
    found = find_all(tx, list({item.attempt for item in asked}))
    for item in asked:
        if found[item.attempt].holding:
            refuse_stale(found[item.attempt], item.walk)
    give_back(tx, list(found))
    return [None] * len(asked)
