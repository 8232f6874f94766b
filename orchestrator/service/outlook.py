"""The outlook: who waits in which order and until about when, and when machines become free."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.ids import CellId, cell_of
from orchestrator.model.lease import Situation, Waiting, Why
from orchestrator.service.library import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An attempt in the queue."""

    number: int
    cell: CellId
    arch: str
    owner: str
    lane: str
    asked_at: datetime
    promoted: bool
    machines: int
    why: Why | None
    #: about when it starts and is over; None while nobody can tell
    starts: datetime | None
    ends: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """A machine: who has it since when, and until about when."""

    node: str
    holder: str
    arch: str
    since: datetime | None
    #: about when it is given back; None: it is free, or nobody can tell
    until: datetime | None
    #: it is held for a person
    held: bool
    #: why it is out of service, or empty
    out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The queue in the order in which it is expected to start, and the machines."""

    places: tuple[Place, ...]
    machines: tuple[Busy, ...]


def outlook(library: Library) -> Outlook:
    """Return how queue and machines stand, and what is expected of them."""
    now = library.clock.now()
    situation, spans = library.queue.situation(now), library.experience().spans()
    found = sorted(situation.queue, key=_turn)
    return Outlook(
        places=tuple(
            _place(number, one, spans.of(one.arch).usual) for number, one in enumerate(found, 1)
        ),
        machines=_machines(library, situation, now),
    )


def _turn(waiting: Waiting) -> tuple[bool, float, datetime]:
    until = waiting.why.until if waiting.why else None
    return until is None, until.timestamp() if until else waiting.priority, waiting.asked_at


def _place(number: int, waiting: Waiting, usual: float) -> Place:
    starts = waiting.why.until if waiting.why else None
    return Place(
        number=number,
        cell=cell_of(waiting.attempt),
        arch=waiting.arch,
        owner=waiting.owner,
        lane=waiting.lane,
        asked_at=waiting.asked_at,
        promoted=waiting.priority < 0,
        machines=len(waiting.needs),
        why=waiting.why,
        starts=starts,
        ends=starts + timedelta(seconds=usual) if starts else None,
    )


def _machines(library: Library, situation: Situation, now: datetime) -> tuple[Busy, ...]:
    known = {candidate.name: candidate for candidate in situation.nodes}
    spans = library.experience().spans()
    found = []
    for node in library.nodes():
        candidate = known.get(node.name)
        since = candidate.since if candidate else None
        held = candidate.until if candidate else None
        arch = candidate.arch if candidate else ""
        due = since + timedelta(seconds=spans.of(arch).usual) if since and node.holder else None
        busy = Busy(
            node=node.name,
            holder=node.holder,
            arch=arch,
            since=since if node.holder else None,
            until=held or (max(due, now) if due else None),
            held=held is not None,
            out="" if node.state == "in-service" else node.reason or node.state,
        )
        found.append(busy)
    return tuple(found)
