"""The matrix: archs down by hypervisor, runs across, and the line that says how things stand."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.node import NodeState
from orchestrator.model.run import State
from orchestrator.model.view import ArchView, CellView, NodeView, RunView

#: running cells that say nothing for longer are worth a look
QUIET = timedelta(minutes=15)
GONE = "no longer in this lab"
OTHER = "any hypervisor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An arch and its square in each run, None where the run left it out."""

    arch: ArchView
    squares: tuple[CellView | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The archs of one hypervisor (or mix of them)."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Runs newest first, and the groups of rows below them."""

    runs: tuple[RunView, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """How many machines are free, leased and out of service."""

    free: int
    leased: int
    out: int
    #: what all of them are, or empty if they differ
    provenance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The answer to "is it stuck or queued?"."""

    word: str
    #: somebody should look
    alarming: bool
    running: int
    waiting: int
    machines: Machines
    #: when any running cell last said something, and the one that is silent for longest
    heard: datetime | None
    silent: CellView | None
    #: why cells wait, and how many for that reason, the most common first
    reasons: tuple[tuple[str, int], ...]


def lay_out(runs: Sequence[RunView], archs: Sequence[ArchView]) -> Matrix:
    """Return the matrix of `runs`; an arch that only old runs know comes last."""
    squares = [{cell.arch: cell for cell in run.cells} for run in runs]
    known = {arch.name for arch in archs}
    gone = dict.fromkeys(name for cells in squares for name in cells if name not in known)
    groups: dict[str, list[Row]] = {}
    for arch in (*archs, *map(_gone, gone)):
        title = GONE if arch.name in gone else " + ".join(arch.hypervisors) or OTHER
        row = Row(arch=arch, squares=tuple(cells.get(arch.name) for cells in squares))
        groups.setdefault(title, []).append(row)
    order = sorted(groups, key=lambda title: (title == GONE, "+" in title or title == OTHER))
    return Matrix(
        runs=tuple(runs),
        groups=tuple(Group(title=title, rows=tuple(groups[title])) for title in order),
    )


def pulse(runs: Sequence[RunView], nodes: Sequence[NodeView], now: datetime) -> Pulse:
    """Return how things stand over all of `runs`."""
    cells = [cell for run in runs for cell in run.cells]
    running = [cell for cell in cells if cell.state is State.RUNNING]
    waiting = [cell for cell in cells if cell.state is State.WAITING]
    talking = sorted(
        (cell for cell in running if cell.updated), key=lambda cell: cell.updated or now
    )
    silent = talking[0] if talking and now - (talking[0].updated or now) > QUIET else None
    return Pulse(
        word=_word(bool(running), bool(waiting), silent),
        alarming=bool(silent) or (bool(waiting) and not running),
        running=len(running),
        waiting=len(waiting),
        machines=_machines(nodes),
        heard=talking[-1].updated if talking else None,
        silent=silent,
        # who each is behind, after the semicolon, would tell all of them apart
        reasons=tuple(
            Counter(cell.why.partition("; ")[0] for cell in waiting if cell.why).most_common()
        ),
    )


def _word(running: bool, waiting: bool, silent: CellView | None) -> str:  # noqa: FBT001
    if silent:
        return "Perhaps stuck"
    if running:
        return "Queued, not stuck" if waiting else "Running"
    return "Waiting, and nothing runs" if waiting else "Idle"


def _machines(nodes: Sequence[NodeView]) -> Machines:
    leased = sum(bool(node.holder) for node in nodes)
    out = sum(node.state != NodeState.IN_SERVICE and not node.holder for node in nodes)
    kinds = {node.provenance for node in nodes}
    return Machines(
        free=len(nodes) - leased - out,
        leased=leased,
        out=out,
        provenance=kinds.pop() if len(kinds) == 1 else "",
    )


def _gone(name: str) -> ArchView:
    return ArchView(
        name=name,
        summary="",
        hypervisors=(),
        machines=0,
        voting=True,
        lieutenants=(),
        source="",
    )
