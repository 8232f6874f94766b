"""The catalogue: runs and cells as they are shown, many at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from orchestrator.model import summary
from orchestrator.model.arch import Means
from orchestrator.model.errors import NotFound
from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId, RunId, run_of
from orchestrator.model.listing import CellOfRun, WaitingView
from orchestrator.model.node import Provenance
from orchestrator.model.run import Cell, Run, State
from orchestrator.model.summary import Summary
from orchestrator.model.verdict import Ruling, exit_status
from orchestrator.model.view import CellView, RunView
from orchestrator.ports.board import Board, Listed, Shown, Sought, SoughtCells
from orchestrator.service.lab import Lab

#: settled runs that are kept as they are shown; a large one takes some hundred kilobytes
KEPT = 384

Cells = tuple[CellView, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A run's cells, in order and by arch."""

    cells: Cells
    by_arch: Mapping[str, CellView]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Reads the board; `url` is where the pages answer.

    What is settled is shown the same for ever, and kept.
    """

    lab: Lab
    board: Board
    url: str
    _settled: Callable[[RunId, int], _Kept] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with nothing kept."""
        object.__setattr__(self, "_settled", lru_cache(maxsize=KEPT)(self._load))

    def runs(self, sought: Sought, limit: int, before: RunId | None = None) -> tuple[RunView, ...]:
        """Return the newest runs first, of those older than `before` if one is named."""
        found = self._read(self.board.runs(sought, limit, before))
        return tuple(self._run(one.run, kept.cells) for one, kept in found)

    def by_arch(self, runs: Sequence[RunId]) -> Mapping[RunId, Mapping[str, CellView]]:
        """Return the cells of those runs that there are, by arch."""
        found = self._read(self.board.listed(list(dict.fromkeys(runs))))
        return {one.run.id: kept.by_arch for one, kept in found}

    def run(self, run: RunId) -> RunView:
        """Return the run with its cells; raise `NotFound`."""
        found = self._read(self.board.listed([run]))
        if not found:
            msg = f"there is no run {run}; `smoketest runs` lists them"
            raise NotFound(msg)
        return self._run(found[0][0].run, found[0][1].cells)

    def around(self, cell: CellId) -> RunView:
        """Return the cell's run as if it had no other, which is soon read; raise `NotFound`."""
        listed, cells = self.board.listed([run_of(cell)]), self.some([cell])
        if not listed or not cells:
            raise NotFound(f"there is no cell {cell}; `smoketest matrix` lists them")
        return replace(self._run(listed[0].run, cells), exit=None)

    def cells(
        self, sought: SoughtCells, limit: int, after: CellId | None = None
    ) -> tuple[tuple[CellOfRun, ...], CellId | None]:
        """Return cells by run, the newest first; and where to go on, None at the end."""
        shown, further = self.board.cells(sought, limit, after)
        listed = self.board.listed(list(dict.fromkeys(one.cell.run for one in shown)))
        runs = {one.run.id: one.run for one in listed}
        views = self._views(shown)
        pairs = zip(shown, views, strict=True)
        return tuple(_of_run(runs[one.cell.run], view) for one, view in pairs), further

    def some(self, cells: Sequence[CellId]) -> Cells:
        """Return those of the cells that there are, in their order."""
        return self._views(self.board.some(cells))

    def under_way(self) -> Cells:
        """Return the cells that have machines and are not judged."""
        return self._views(self.board.under_way())

    def waiting(self) -> tuple[WaitingView, ...]:
        """Return how many cells wait for which reason, the most common first."""
        return tuple(WaitingView(why=one.why, count=one.count) for one in self.board.waiting())

    def _read(self, listed: Sequence[Listed]) -> list[tuple[Listed, _Kept]]:
        open_ = [one.run.id for one in listed if not one.version]
        found = {run: _kept(self._views(cells)) for run, cells in self.board.of_runs(open_).items()}
        return [
            (one, self._settled(one.run.id, one.version) if one.version else found[one.run.id])
            for one in listed
        ]

    def _load(self, run: RunId, _version: int) -> _Kept:
        return _kept(self._views(self.board.of_runs([run])[run]))

    def _views(self, shown: Sequence[Shown]) -> Cells:
        """Return the cells as they are shown; events are read of those that only they tell of."""
        told = [one for one in shown if one.summary is None and one.cell.state is not State.WAITING]
        past = self.board.past([one.cell.attempts[-1] for one in told])
        return tuple(self._view(one, past) for one in shown)

    def _view(self, shown: Shown, past: Mapping[AttemptId, tuple[Event, ...]]) -> CellView:
        cell, ruling = shown.cell, shown.cell.ruling
        events = past.get(cell.attempts[-1], ())
        short = shown.summary or (summary.summarise(events) if events else Summary())
        running, waiting = cell.state is State.RUNNING, cell.state is State.WAITING
        return CellView(
            cell=cell.id,
            arch=cell.arch.name,
            state=cell.state,
            stage=summary.stage(events) if running else "",
            verdict=ruling.verdict if ruling else None,
            blame=ruling.blame if ruling else None,
            cause=ruling.cause if ruling else "",
            voting=cell.arch.voting,
            provenance=self.provenance(cell),
            partner=cell.arch.ways[cell.way].partner,
            attempts=len(cell.attempts),
            phases=short.phases,
            tests=short.tests,
            nodes=cell.nodes,
            why=cell.why if waiting else "",
            url=f"{self.url}/cells/{cell.id}",
            updated=cell.updated,
            doing=summary.doing(events) if running else "",
            wait=cell.wait if waiting else None,
        )

    def provenance(self, cell: Cell) -> Provenance | None:
        """Return the least real of the nodes' provenances; the whole is no realer than a part."""
        means = cell.arch.ways[cell.way].means
        if means is Means.PARTNER:
            return Provenance.PARTNER
        if means is Means.SIMULATOR:
            return Provenance.SIMULATED
        order, nodes = list(Provenance), self.lab.nodes
        known = [nodes[name].provenance for name in cell.nodes if name in nodes]
        return max(known, key=order.index, default=None)

    def _run(self, run: Run, cells: Cells) -> RunView:
        return RunView(
            run=run.id,
            repo=run.repo,
            ref=run.ref,
            commit=run.commit.name,
            subject=run.commit.subject,
            requester=run.requester,
            lane=run.lane,
            reason=run.reason,
            state=run.state,
            asked_at=run.asked_at,
            exit=_exit(run, cells),
            url=f"{self.url}/runs/{run.id}",
            cells=cells,
        )


def _kept(cells: Cells) -> _Kept:
    return _Kept(cells, {cell.arch: cell for cell in cells})


def _of_run(run: Run, cell: CellView) -> CellOfRun:
    return CellOfRun(
        run=run.id,
        repo=run.repo,
        ref=run.ref,
        commit=run.commit.name,
        subject=run.commit.subject,
        requester=run.requester,
        lane=run.lane,
        asked_at=run.asked_at,
        cell=cell,
    )


def _exit(run: Run, cells: Sequence[CellView]) -> int | None:
    if run.state is not State.DONE:
        return None
    rulings = [
        Ruling(verdict=cell.verdict, blame=cell.blame)
        for cell in cells
        if cell.voting and cell.verdict
    ]
    return int(exit_status(tuple(rulings)))
