"""What long lists show: cells over many runs, the matrix, who waits, who has which machine."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.lease import Why
from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellView


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOfRun:
    """A cell in a list over many runs: with what it tested, and for whom."""

    run: int
    repo: str
    ref: str
    commit: str
    subject: str
    requester: str
    lane: str
    asked_at: datetime
    cell: CellView


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingView:
    """How many cells wait for the same reason."""

    why: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """An attempt that waits, as the scheduler sees it."""

    attempt: str
    cell: str
    arch: str
    lane: str
    #: whose share of the machines it takes
    owner: str
    asked_at: datetime
    #: below zero: somebody promoted it
    priority: int
    machines: int
    semaphores: tuple[str, ...]
    #: why it waits, behind whom, until about when; None before the first pass over it
    why: Why | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseView:
    """A machine that an attempt has, or had."""

    node: str
    #: counts how often the machine was leased: what holds an older one is refused
    token: int
    attempt: str
    cell: str
    role: str
    state: State
    verdict: Verdict | None
    granted_at: datetime | None
    #: it was given back
    freed: bool
    #: until when a person keeps it
    held_until: datetime | None
