"""One scheduling pass, within a transaction: what is shown to the scheduler, what is kept of it."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from orchestrator.drivers.store.attempts import enqueue, find, following, record, settle
from orchestrator.drivers.store.codec import (
    arch_from,
    encode,
    instant,
    milliseconds,
    names_from,
    stamp,
)
from orchestrator.drivers.store.database import Transaction
from orchestrator.model.budgets import label
from orchestrator.model.errors import Bug
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import TERM, Candidate, Grant, Schedule, Turn, Waiting
from orchestrator.model.placement import missing
from orchestrator.model.verdict import Blame, Ruling, Verdict

#: changed reasons that one pass stores: so many at the head of the line, and of all others
_NEWS: Final = 100


def _learned_as(row: Row[Any]) -> str:
    """Return the name under which an attempt's length is learned: its arch, and which way."""
    return label(arch_from(row.arch).name, row.way)


def candidates(tx: Transaction) -> tuple[Candidate, ...]:
    """Return the nodes in service."""
    return tuple(
        Candidate(
            name=row.name,
            capabilities=names_from(row.capabilities),
            free=not row.leased,
            marks=row.marks,
            holder=row.holder or "",
            since=instant(row.granted_at),
            until=instant(row.held_until),
            arch=_learned_as(row) if row.arch else "",
            preparing=bool(row.preparing),
            warm=row.warm or "",
        )
        for row in tx.all("nodes_in_service")
    )


def semaphores(tx: Transaction, queue: Sequence[Waiting]) -> Mapping[str, AttemptId]:
    """Return who has which semaphore; nobody, if none is waited for."""
    if not any(item.semaphores for item in queue):
        return {}
    return {
        name: AttemptId(row.attempt)
        for row in tx.all("attempts_holding")
        for name in arch_from(row.arch).by(row.way).semaphores
    }


def prove(schedule: Schedule, queue: Sequence[Waiting], nodes: Sequence[Candidate]) -> None:
    """Raise `Bug` unless every grant is a whole gang of free nodes, none of them given twice."""
    wanted = {item.attempt: item.needs for item in queue}
    free = {node.name for node in nodes if node.free}
    for grant in schedule.grants:
        given = {placement.node for placement in grant.placements}
        needs = wanted.pop(grant.attempt, None)
        roles = Counter(need.role for need in needs) if needs is not None else None
        if roles != Counter(p.role for p in grant.placements):
            msg = f"the scheduler gave {grant.attempt} other machines than it waits for"
            raise Bug(msg)
        if len(given) != len(grant.placements) or not given <= free:
            msg = f"the scheduler gave {grant.attempt} a machine that is not free"
            raise Bug(msg)
        free -= given


def keep(tx: Transaction, grants: Sequence[Grant], now: datetime, clock: int) -> None:
    """Store the gangs' leases under new tokens, and that the attempts run.

    `clock` is the database's, and what their terms are measured by.
    """
    given = [(grant, i, p) for grant in grants for i, p in enumerate(grant.placements)]
    if not grants:
        return
    names = [placement.node for _, _, placement in given]
    # Partners' cells take no machines; PostgreSQL takes no empty list for one of texts.
    raised = tx.all("tokens_raise", names=names) if names else ()
    tokens = {row.name: int(row.token) for row in raised}
    tx.many(
        "lease_insert",
        (
            {
                "node": placement.node,
                "token": tokens[placement.node],
                "attempt": grant.attempt,
                "role": placement.role,
                "position": position,
            }
            for grant, position, placement in given
        ),
    )
    record(tx, (pair for grant in grants for pair in _leased(grant, tokens)), now)
    ids, term = [grant.attempt for grant in grants], clock + milliseconds(TERM)
    if tx.run("attempts_grant", ids=ids, at=stamp(now), term=term) != len(grants):
        msg = "the scheduler was shown somebody who does not wait any more"
        raise Bug(msg)


def _leased(grant: Grant, tokens: Mapping[str, int]) -> Iterator[tuple[AttemptId, Event]]:
    """Yield what happened to an attempt that was given its machines."""
    for placement in grant.placements:
        text = f"as {placement.role}, under token {tokens[placement.node]}"
        leased = Event(kind=Kind.LEASED, stage=Stage.LEASE, node=placement.node, text=text)
        yield grant.attempt, leased
    yield grant.attempt, Event(kind=Kind.FINISHED, stage=Stage.LEASE)


def explain(tx: Transaction, schedule: Schedule, queue: Sequence[Waiting]) -> None:
    """Store why the others wait, where that is news; of a long line's many news, some each time.

    Behind whom ten thousand wait changes with each grant: writing that down would take longer than
    the grants. First reasons, promises and who is next are always told, others in turn.
    """
    known = {item.attempt: item.why for item in queue}
    first, news = [], []
    for attempt, why in schedule.waits:
        told = known.get(attempt)
        if told is None or (told.reason, told.promised) != (why.reason, why.promised):
            first.append((attempt, why))
        elif told != why:
            news.append((attempt, why))
    later = news[_NEWS:]
    chosen = (*first, *news[:_NEWS], *random.sample(later, min(_NEWS, len(later))))
    tx.many(
        "attempt_explain",
        (
            {
                "attempt": attempt,
                "why": why.text,
                "wait": encode(why),
                "promised": stamp(why.promised) if why.promised else None,
            }
            for attempt, why in chosen
        ),
    )


def hopeless(
    schedule: Schedule, queue: Sequence[Waiting], nodes: Sequence[Candidate]
) -> Iterator[tuple[AttemptId, str]]:
    """Yield who waits for what no node in service can do and could go another way, and why."""
    others = {item.attempt: item for item in queue if not item.last}
    for attempt, why in schedule.waits:
        if attempt in others and missing(others[attempt].needs, nodes):
            yield attempt, why.text


def pass_on(tx: Transaction, attempt: AttemptId, why: str, now: datetime) -> None:
    """Store that the attempt is broken for lack of machines, and the next, another way."""
    over = Event(kind=Kind.FAILED, stage=Stage.LEASE, text=why, blame=Blame.INFRA)
    record(tx, [(attempt, over)], now)
    settle(tx, [attempt], Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause=why), now)
    before = find(tx, attempt)
    after = following(before, frozenset(), Turn(way=before.turn.way + 1))
    enqueue(tx, [after], now)
