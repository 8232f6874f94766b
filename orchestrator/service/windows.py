"""Windows: the matrix in parts, however many archs and runs there are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from orchestrator.model.grid import Board, Head, Line, Look, Square, Wanted
from orchestrator.model.ids import CellId, RunId, run_of
from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import ArchView, CellView
from orchestrator.ports.matrix import Matrix
from orchestrator.service.library import Library

GONE = "no longer in this lab"
OTHER = "any hypervisor"
#: columns that a row's trend looks back on
TREND = 24
#: runs of a branch that are asked for its newest word on an arch
BASE = 20
#: looks whose number of columns is remembered
COUNTED = 256
#: what a branch's word is taken from
_WORDS = frozenset({Verdict.PASSED, Verdict.FAILED})
_EMPTY: Mapping[str, CellView] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """An arch and the title of its group."""

    arch: ArchView
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """The cells of the columns' runs by arch, and the word of the branch to compare with."""

    cells: Mapping[RunId, Mapping[str, CellView]]
    #: the runs of the newest columns, the oldest first
    columns: Sequence[Sequence[RunId]]
    base: Mapping[str, Verdict]

    def of(self, runs: Sequence[RunId], arch: str) -> list[CellView]:
        """Return the arch's cells in those runs."""
        if len(runs) == 1:
            one = self.cells.get(runs[0], _EMPTY).get(arch)
            return [one] if one else []
        found = (self.cells.get(run, _EMPTY).get(arch) for run in runs)
        return [cell for cell in found if cell]

    def trend(self, arch: str) -> tuple[CellView | None, ...]:
        """Return what the newest columns came to; nothing if none came to anything."""
        found = tuple(
            next((cell for cell in self.of(runs, arch) if cell.verdict), None)
            for runs in self.columns
        )
        return found if any(found) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Reads windows of the matrix."""

    archs: Callable[[], tuple[ArchView, ...]]
    #: the cells of runs by arch, and some cells in their order, as they are shown
    of: Callable[[Sequence[RunId]], Mapping[RunId, Mapping[str, CellView]]]
    some: Callable[[Sequence[CellId]], tuple[CellView, ...]]
    matrix: Matrix
    #: there are always as many runs up to one: they are only ever added behind it
    _counted: Callable[[Wanted, bool], int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with nothing counted."""
        counted = lru_cache(maxsize=COUNTED)(lambda what, by: self.matrix.count(what, by_commit=by))
        object.__setattr__(self, "_counted", counted)

    def board(self, look: Look) -> Board:
        """Return the window that `look` asks for."""
        window = look.window
        heads, lately = self._columns(look)
        past = _Past(
            cells=self.of([run for head in (*heads, *lately) for run in head.runs[:BASE]]),
            columns=[head.runs[:BASE] for head in reversed(lately)],
            base=self._base(look) if look.differs else {},
        )
        rows = [row for row in self._rows(look, heads, past) if _matters(row.arch.name, look, past)]
        shown = rows[window.row : window.row + window.rows]
        groups: dict[str, int] = {}
        for row in rows:
            groups[row.group] = groups.get(row.group, 0) + 1
        return Board(
            heads=tuple(heads),
            lines=tuple(_line(row, heads, look, past) for row in shown),
            columns=self._count(look, lately),
            rows=len(rows),
            groups=tuple(groups.items()),
            look=look,
        )

    def cells(self, cells: Sequence[CellId]) -> tuple[CellView, ...]:
        """Return those of the cells that there are, in their order."""
        return self.some(cells)

    def _columns(self, look: Look) -> tuple[Sequence[Head], Sequence[Head]]:
        """Return the heads of the window, and those that trends look back on."""
        window, last = look.window, look.window.col + look.window.cols

        def ask(first: int, count: int) -> tuple[Head, ...]:
            return self.matrix.columns(look.wanted, first, count, by_commit=look.by_commit)

        if window.col > TREND:
            return ask(window.col, window.cols), ask(0, TREND)
        both = ask(0, max(last, TREND))
        return both[window.col : last], both[:TREND]

    def _count(self, look: Look, lately: Sequence[Head]) -> int:
        """Return how many columns there were when `lately` was read: one more is not in the window.

        A page that told of a column that it lacks would make its reader fetch the window again.
        """
        if not lately:
            return 0
        wanted = replace(look.wanted, at=lately[0].run)
        if wanted.verdict or wanted.blame:
            return self.matrix.count(wanted, by_commit=look.by_commit)
        return self._counted(wanted, look.by_commit)

    def _rows(self, look: Look, heads: Sequence[Head], past: _Past) -> list[_Row]:
        """Return the rows in the order of their groups: one hypervisor, mixed, gone."""
        known = self.archs()
        names = {arch.name for arch in known}
        runs = [run for head in heads for run in head.runs[:BASE]]
        seen_archs = {arch for run in runs for arch in past.cells.get(run, _EMPTY)}
        gone = sorted(seen_archs - names)
        rows = [_Row(arch=a, group=" + ".join(a.hypervisors) or OTHER) for a in known]
        rows += [_Row(arch=_gone(name), group=GONE) for name in gone]
        seen = list(dict.fromkeys(row.group for row in rows))
        order = sorted(seen, key=lambda title: (title == GONE, "+" in title or title == OTHER))
        wanted = [
            row
            for row in rows
            if look.hypervisor in {"", *row.arch.hypervisors}
            and look.arch.casefold() in row.arch.name.casefold()
        ]
        return sorted(wanted, key=lambda row: order.index(row.group))

    def _base(self, look: Look) -> dict[str, Verdict]:
        """Return the newest word of the branch that is compared with, by arch."""
        wanted = Wanted(repo=look.wanted.repo, ref=look.differs)
        heads = self.matrix.columns(wanted, 0, BASE, by_commit=False)
        found = self.matrix.outcomes([head.run for head in heads])
        found = tuple(sorted(found, key=lambda outcome: run_of(outcome.cell)))
        return {o.cell.partition("/")[2]: o.verdict for o in found if o.verdict in _WORDS}


def windows(library: Library, matrix: Matrix) -> Windows:
    """Return the windows of what the library shows."""
    known = library.catalogue
    return Windows(archs=library.archs, of=known.by_arch, some=known.some, matrix=matrix)


def _matters(arch: str, look: Look, past: _Past) -> bool:
    """Return whether a row has anything to show of what is looked for."""
    wanted = look.wanted
    if not (look.differs or wanted.verdict or wanted.blame):
        return True
    lately = [cell for cell in past.trend(arch) if cell]
    if look.differs:
        base = past.base.get(arch)
        lately = [o for o in lately if o.verdict in _WORDS and o.verdict != base]
    if wanted.verdict:
        lately = [cell for cell in lately if cell.verdict is wanted.verdict]
    if wanted.blame:
        lately = [cell for cell in lately if cell.blame is wanted.blame]
    return bool(lately)


def _line(row: _Row, heads: Sequence[Head], look: Look, past: _Past) -> Line:
    name = row.arch.name
    base = past.base.get(name)
    found = (_newest(past.of(head.runs[:BASE], name)) for head in heads)
    return Line(
        arch=row.arch,
        group=row.group,
        squares=tuple(
            Square(cell=cell, faint=_faint(cell, look, base)) if cell else None for cell in found
        ),
        trend=tuple(o.verdict if o else None for o in past.trend(name)),
        base=base,
    )


def _newest(found: Sequence[CellView]) -> CellView | None:
    """Return the newest of one column's squares that says something, else the newest."""
    told = [square for square in found if square.state is not State.WAITING]
    return next(iter(told or found), None)


def _faint(cell: CellView, look: Look, base: Verdict | None) -> bool:
    """Return whether the square is beside what is looked for."""
    wanted = look.wanted
    if wanted.verdict and cell.verdict is not wanted.verdict:
        return True
    if wanted.blame and cell.blame is not wanted.blame:
        return True
    return bool(look.differs) and cell.verdict in {None, base, *(set(Verdict) - _WORDS)}


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
