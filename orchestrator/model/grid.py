"""The matrix as it is looked at: what is wanted of it, and the window that is shown."""

from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.model.ids import CellId, RunId
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.model.view import ArchView, CellView

#: no run has a higher number
HIGHEST = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs are looked at; an empty word, or None, means any."""

    repo: str = ""
    ref: str = ""
    lane: str = ""
    requester: str = ""
    #: runs with such a square at least
    verdict: Verdict | None = None
    blame: Blame | None = None
    #: the newest run that is looked at, so that a window stays where it is
    at: int = HIGHEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The part of the rows and columns that is shown."""

    row: int = 0
    rows: int = 24
    col: int = 0
    cols: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How somebody looks at the matrix."""

    wanted: Wanted = Wanted()
    window: Window = Window()
    hypervisor: str = ""
    #: a part of the arch's name
    arch: str = ""
    #: runs of one commit are one column
    by_commit: bool = False
    #: show only what differs from the newest word on this branch
    differs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands above a column: a run, or the newest of the runs of one commit."""

    run: RunId
    #: newest first
    runs: tuple[RunId, ...]
    repo: str
    ref: str
    commit: str
    subject: str
    requester: str
    lane: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a cell came to."""

    cell: CellId
    verdict: Verdict
    blame: Blame | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What can be chosen from."""

    repos: tuple[str, ...]
    refs: tuple[str, ...]
    requesters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What runs, and why the rest waits: how many for which reason, the most common first."""

    running: tuple[CellId, ...]
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """A cell in its column."""

    cell: CellView
    #: it does not match what is wanted, or says the same as the branch that it is compared with
    faint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An arch: its squares in the window (None: not asked for), and how it went lately."""

    arch: ArchView
    #: title of its group
    group: str
    squares: tuple[Square | None, ...]
    #: of the newest columns, the oldest first; None where nothing is known
    trend: tuple[Verdict | None, ...]
    #: the newest word on the branch that it is compared with
    base: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A window of the matrix, and how much there is in all."""

    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    columns: int
    rows: int
    #: titles of the groups and how many rows each has, in their order
    groups: tuple[tuple[str, int], ...]
    look: Look = field(default_factory=Look)
