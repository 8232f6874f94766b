"""Needs, gangs and leases: who wants machines, who has them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orchestrator.model.ids import AttemptId


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One machine wanted: for which role, with which capabilities."""

    role: str
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Which of its arch's alternatives an attempt goes, and which try (from 1) by it this is."""

    way: int = 0
    number: int = 1


FIRST: Final = Turn()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An attempt in the queue: its whole gang of needs is granted at once or not at all."""

    attempt: AttemptId
    needs: tuple[Need, ...]
    asked_at: datetime
    #: smaller goes first
    priority: int = 0
    #: nodes that earlier attempts at the cell were broken on
    exclude: frozenset[str] = frozenset()
    semaphores: tuple[str, ...] = ()
    #: one sentence: what it waits for
    why: str = ""
    #: its arch has no alternative after the one that it goes
    last: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A node as the scheduler sees it."""

    name: str
    capabilities: frozenset[str]
    free: bool
    #: broken attempts on it lately; trusted machines are taken first
    marks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A granted node and the role it plays."""

    role: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A gang that was granted whole."""

    attempt: AttemptId
    placements: tuple[Placement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a scheduling pass decided: who gets what, and for the rest why they wait."""

    grants: tuple[Grant, ...]
    #: (attempt, one sentence)
    waits: tuple[tuple[AttemptId, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A node held for an attempt; a command with an older token is refused."""

    node: str
    role: str
    attempt: AttemptId
    token: int
