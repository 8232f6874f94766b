"""What people look at most: runs, their cells and what is under way, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.listing import LeaseView
from orchestrator.model.run import Cell, Run
from orchestrator.model.summary import Summary
from orchestrator.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which runs are looked for: every word that is not empty must fit."""

    repo: str = ""
    ref: str = ""
    requester: str = ""
    lane: str = ""
    #: runs that are not over only
    unsettled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtCells:
    """Which cells are looked for: of which runs, of which arch, and what they came to."""

    runs: Sought = field(default_factory=Sought)
    arch: str = ""
    #: what the newest attempt came to; None: anything
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A run in a list."""

    run: Run
    #: how many attempts there are, once none of them can change any more; 0 before
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A cell with what its newest attempt came to; None if only its events tell."""

    cell: Cell
    summary: Summary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Cells that wait, counted by the sentence that says why."""

    why: str
    count: int


class Board(Protocol):
    """Reads what is shown; the work of a verb does not grow with the history."""

    def runs(self, sought: Sought, limit: int, before: RunId | None = None) -> tuple[Listed, ...]:
        """Return the newest runs first, of those older than `before` if one is named."""
        ...

    def listed(self, runs: Sequence[RunId]) -> tuple[Listed, ...]:
        """Return those runs, the newest first; unknown ones are left out."""
        ...

    def of_runs(self, runs: Sequence[RunId]) -> Mapping[RunId, tuple[Shown, ...]]:
        """Return the cells of those runs in the order of their plans."""
        ...

    def cells(
        self, sought: SoughtCells, limit: int, after: CellId | None = None
    ) -> tuple[tuple[Shown, ...], CellId | None]:
        """Return cells by run, the newest first, then by name; and where to go on, None at the end.

        A page may hold fewer than `limit`, even none, and others follow: one call looks through
        so many runs and no more.
        """
        ...

    def some(self, cells: Sequence[CellId]) -> tuple[Shown, ...]:
        """Return those of the cells that there are, in their order."""
        ...

    def past(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, tuple[Event, ...]]:
        """Return what happened to those attempts, each oldest first."""
        ...

    def under_way(self) -> tuple[Shown, ...]:
        """Return the cells that have machines and are not judged."""
        ...

    def waiting(self) -> tuple[Crowd, ...]:
        """Return how many cells wait for which reason, the most common first."""
        ...

    def leases(self) -> tuple[LeaseView, ...]:
        """Return who has which machine now, by the machines' names."""
        ...

    def leases_of(self, node: str, limit: int, before: int | None = None) -> tuple[LeaseView, ...]:
        """Return who has and had the machine, the newest first, with a token below `before`."""
        ...

    def verdicts(self) -> tuple[tuple[Verdict, int], ...]:
        """Return how many attempts came to what."""
        ...
