"""Requests, runs and cells."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row

from orchestrator.drivers.store.attempts import NewAttempt, enqueue, insert, settle
from orchestrator.drivers.store.codec import (
    OTHERS,
    RULING,
    SNAPSHOT,
    arch_from,
    encode,
    instant,
    snapshot_from,
    stamp,
    why_from,
)
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.drivers.store.order import PRIORITY
from orchestrator.drivers.store.superseding import supersede
from orchestrator.model.arch import Arch
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId, CellId, RunId, cell_id
from orchestrator.model.request import Commit, Lane, Request, Snapshot
from orchestrator.model.run import Cell, Plan, Run, State
from orchestrator.model.verdict import Ruling

_NO_CELL: Final = "there is no cell {}; `smoketest runs` lists the runs and their cells"


@dataclass(frozen=True, slots=True)
class Runs:
    """`ports.store.Runs` over a database."""

    database: Database

    def add(
        self, request: Request, plan: Plan, rulings: Mapping[str, Ruling], now: datetime
    ) -> Run:
        """Store the run, its cells and their first attempts; a known key returns its run."""
        with self.database.write() as tx:
            known = tx.one("run_by_key", key=request.key) if request.key else None
            run = RunId(known.id) if known else _add(tx, request, plan, now)
            if not known:
                _queue(tx, run, plan, request.lane, rulings, now)
        return self.run(run)

    def run(self, run: RunId) -> Run:
        """Return the run; raise `NotFound`."""
        with self.database.read() as tx:
            row = tx.one("run_by_id", run=run)
        if row is None:
            msg = f"there is no run {run}; `smoketest runs` lists them"
            raise NotFound(msg)
        return _run(row)

    def runs(self, *, repo: str = "", limit: int = 50) -> tuple[Run, ...]:
        """Return the newest runs first."""
        with self.database.read() as tx:
            return tuple(map(_run, tx.all("runs_newest", repo=repo, limit=limit)))

    def recent(self, repo: str, limit: int) -> tuple[tuple[Run, tuple[Cell, ...]], ...]:
        """Return the newest runs first, each with its cells in the order of its plan."""
        with self.database.read() as tx:
            rows = tx.all("runs_newest_with_cells", repo=repo, limit=limit)
            nodes = _nodes(tx, rows)
        runs = (tuple(group) for _, group in groupby(rows, key=lambda row: int(row.id)))
        return tuple((_run(group[0]), _cells(group, nodes)) for group in runs)

    def plan(self, run: RunId) -> Plan:
        """Return the run's frozen plan; raise `NotFound`."""
        with self.database.read() as tx:
            row = _found(tx.one("run_by_id", run=run), run)
            archs = tx.all("run_archs", run=run)
        return Plan(
            snapshot=SNAPSHOT.validate_json(row.snapshot),
            archs=tuple(arch_from(found.arch) for found in archs),
            others=OTHERS.validate_json(row.others),
        )

    def aim(self, cell: CellId) -> tuple[Arch, Snapshot]:
        """Return what the cell tests on which arch, however large its run; raise `NotFound`."""
        with self.database.ask() as tx:
            row = tx.one("cell_aim", cell=cell)
        if row is None:
            raise NotFound(_NO_CELL.format(cell))
        return arch_from(row.arch), snapshot_from(row.snapshot)

    def cells(self, run: RunId) -> tuple[Cell, ...]:
        """Return the run's cells in the order of its plan; raise `NotFound`."""
        with self.database.read() as tx:
            rows = tx.all("cells_of_run", run=run)
            if not rows:
                _found(tx.one("run_by_id", run=run), run)
            nodes = _nodes(tx, rows)
        return _cells(rows, nodes)

    def cell(self, cell: CellId) -> Cell:
        """Return the cell; raise `NotFound`."""
        with self.database.read() as tx:
            rows = tx.all("cell_by_id", cell=cell)
            nodes = _by_attempt(tx.all("nodes_of_cell", cell=cell))
        if not rows:
            raise NotFound(_NO_CELL.format(cell))
        return _cells(rows, nodes)[0]


def _found(row: Row[Any] | None, run: RunId) -> Row[Any]:
    if row is None:
        msg = f"there is no run {run}; `smoketest runs` lists them"
        raise NotFound(msg)
    return row


def _add(tx: Transaction, request: Request, plan: Plan, now: datetime) -> RunId:
    """Store the run and its cells; return its id."""
    run = RunId(tx.single("run_next").id)
    tx.run(
        "run_insert",
        run=run,
        key=request.key or None,
        repo=request.repo,
        ref=request.ref,
        lane=request.lane,
        requester=request.requester,
        reason=request.reason,
        asked_at=stamp(now),
        commit_id=_commit_id(plan.snapshot.commit),
        request=encode(request),
        snapshot=encode(plan.snapshot),
        others=encode(plan.others),
    )
    archs = [(arch.name, encode(arch)) for arch in plan.archs]
    tx.many("arch_insert", ({"digest": _digest(text), "value": text} for _, text in archs))
    tx.many(
        "cell_insert",
        (
            {"cell": cell_id(run, name), "run": run, "position": i, "arch": _digest(text)}
            for i, (name, text) in enumerate(archs)
        ),
    )
    return run


def _queue(
    tx: Transaction,
    run: RunId,
    plan: Plan,
    lane: Lane,
    rulings: Mapping[str, Ruling],
    now: datetime,
) -> None:
    """Store the cells' first attempts, waiting, or settled by their ruling."""
    priority = PRIORITY[lane]
    first = {
        arch.name: NewAttempt(cell=cell_id(run, arch.name), number=1, priority=priority)
        for arch in plan.archs
    }
    open_ = {name: attempt for name, attempt in first.items() if name not in rulings}
    insert(tx, [first[name] for name in first if name in rulings], now)
    for name, ruling in rulings.items():
        settle(tx, [first[name].id], ruling, now)
    enqueue(tx, list(open_.values()), now)
    if lane is Lane.MERGED:
        supersede(tx, run, frozenset(open_), now)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def _commit_id(commit: Commit) -> str:
    """Return what makes two runs test the same: the commit and the patches on it."""
    return f"{commit.sha}+{commit.patched}"


def _run(row: Row[Any]) -> Run:
    return Run(
        id=RunId(row.id),
        repo=row.repo,
        ref=row.ref,
        commit=SNAPSHOT.validate_json(row.snapshot).commit,
        lane=Lane(row.lane),
        requester=row.requester,
        reason=row.reason,
        asked_at=datetime.fromisoformat(row.asked_at),
        state=State(row.state),
    )


def _nodes(tx: Transaction, rows: Iterable[Row[Any]]) -> dict[str, tuple[str, ...]]:
    """Return the machines that each attempt of the rows' runs was given."""
    runs = [int(row.run) for row in rows if row.cell]
    if not runs:
        return {}
    return _by_attempt(tx.all("nodes_of_runs", first=min(runs), last=max(runs)))


def _by_attempt(given: Iterable[Row[Any]]) -> dict[str, tuple[str, ...]]:
    by_attempt = groupby(given, key=lambda row: str(row.attempt))
    return {attempt: tuple(row.node for row in group) for attempt, group in by_attempt}


def _cells(rows: Iterable[Row[Any]], nodes: Mapping[str, tuple[str, ...]]) -> tuple[Cell, ...]:
    """Return the cells of rows that hold an attempt each, in the order of cells and attempts."""
    cells = groupby((row for row in rows if row.cell), key=lambda row: str(row.cell))
    return tuple(_cell(tuple(attempts), nodes) for _, attempts in cells)


def _cell(attempts: Sequence[Row[Any]], nodes: Mapping[str, tuple[str, ...]]) -> Cell:
    """Return the cell as its newest attempt shows it."""
    newest = attempts[-1]
    return Cell(
        id=CellId(newest.cell),
        run=RunId(newest.run),
        arch=arch_from(newest.arch),
        state=State(newest.attempt_state),
        ruling=RULING.validate_json(newest.ruling) if newest.ruling else None,
        attempts=tuple(AttemptId(row.attempt) for row in attempts),
        nodes=nodes.get(newest.attempt, ()),
        updated=instant(newest.updated) if newest.updated else None,
        why=newest.why if newest.attempt_state == State.WAITING else "",
        way=newest.way,
        wait=why_from(newest.wait) if newest.attempt_state == State.WAITING else None,
    )
