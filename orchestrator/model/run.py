"""A run, its cells and their attempts, as they are derived from events."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.arch import Alternative, Arch
from orchestrator.model.event import WORK, Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.lease import FIRST, Lease, Turn, Why
from orchestrator.model.node import Access, Node
from orchestrator.model.request import Commit, Lane, Snapshot
from orchestrator.model.verdict import Ruling


class State(StrEnum):
    """Where a run, a cell or an attempt is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request resolved: what exactly runs where; frozen when the run starts."""

    snapshot: Snapshot
    archs: tuple[Arch, ...]
    #: other repositories' refs, resolved
    others: tuple[Commit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A request with every ref resolved once, and its plan."""

    id: RunId
    repo: str
    ref: str
    commit: Commit
    lane: Lane
    requester: str
    reason: str
    asked_at: datetime
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A square of the matrix."""

    id: CellId
    run: RunId
    arch: Arch
    state: State
    #: the ruling of its deciding attempt, when done
    ruling: Ruling | None = None
    attempts: tuple[AttemptId, ...] = ()
    #: the machines that the newest attempt was given, in the order of its roles
    nodes: tuple[str, ...] = ()
    #: when the newest attempt's last event happened
    updated: datetime | None = None
    #: while waiting: one sentence
    why: str = ""
    #: which of the arch's alternatives the newest attempt goes
    way: int = 0
    #: and what is known of it
    wait: Why | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A leased node in its role."""

    node: Node
    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """All that a stage knows about the attempt that it works on."""

    attempt: AttemptId
    #: as it is deployed when it goes its turn's way
    arch: Arch
    snapshot: Snapshot
    hosts: tuple[Host, ...]
    #: folder on the orchestrator that keeps this attempt's files
    folder: str
    past: tuple[Event, ...] = ()
    turn: Turn = FIRST
    #: the number of this walk of the attempt: what an earlier one still wants is refused
    walk: int = 0

    @property
    def way(self) -> Alternative:
        """Return the alternative of the arch that this attempt goes."""
        return self.arch.ways[self.turn.way]

    def happened(self, kind: Kind, node: str = "") -> Event | None:
        """Return the latest event of that kind (about that node, if named), or None."""
        found = (e for e in reversed(self.past) if e.kind is kind and node in {"", e.node})
        return next(found, None)

    def ended(self, stage: Stage) -> bool:
        """Return whether that stage finished or failed."""
        ends = (Kind.FINISHED, Kind.FAILED)
        return any(e.stage is stage and e.kind in ends for e in self.past)

    @property
    def failure(self) -> Event | None:
        """Return the first failure of the work: the first cause wins over what it led to."""
        failures = (e for e in self.past if e.kind is Kind.FAILED and e.stage in WORK)
        return next(failures, None)

    @property
    def access(self) -> tuple[tuple[Host, Access], ...]:
        """Return the hosts that called home, each with how to log in."""
        pairs = []
        for host in self.hosts:
            event = self.happened(Kind.ARRIVED, host.node.name)
            if event and event.access:
                pairs.append((host, event.access))
        return tuple(pairs)
