"""What is shown of runs and cells, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row

from orchestrator.drivers.store.codec import (
    SUMMARY,
    arch_from,
    event_from,
    instant,
    ruling_from,
    snapshot_from,
    why_from,
)
from orchestrator.drivers.store.database import Database, Transaction, Value
from orchestrator.model.arch import Arch
from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId, RunId, run_of
from orchestrator.model.listing import LeaseView
from orchestrator.model.request import Lane
from orchestrator.model.run import Cell, Run, State
from orchestrator.model.verdict import Verdict
from orchestrator.ports.board import Crowd, Listed, Shown, Sought, SoughtCells

#: no run has this number
_BEYOND: Final = 2**31
#: runs whose cells are looked through at once, and how often that is done for one page
_RUNS: Final = 50
_LOOKS: Final = 4


@dataclass(slots=True)
class _Archs:
    """Frozen architectures by the digests of their texts; they are never changed, only added to."""

    by_digest: dict[str, Arch] = field(default_factory=dict)
    count: int = -1

    def get(self, tx: Transaction, digest: str) -> Arch:
        """Return the architecture, read once."""
        if digest not in self.by_digest:
            text = tx.single("board_arch_text", digest=digest).value
            self.by_digest[digest] = arch_from(text)
        return self.by_digest[digest]

    def named(self, tx: Transaction, name: str) -> list[str]:
        """Return the digests of every text that the arch of that name ever had."""
        count = int(tx.single("board_archs").many)
        if count != self.count:
            found = {row.digest: arch_from(row.value) for row in tx.all("board_arch_texts")}
            self.by_digest, self.count = found, count
        return [digest for digest, arch in self.by_digest.items() if arch.name == name]


@dataclass(frozen=True, slots=True)
class Board:
    """`ports.board.Board` over a database."""

    database: Database
    _archs: _Archs = field(default_factory=_Archs)

    def runs(self, sought: Sought, limit: int, before: RunId | None = None) -> tuple[Listed, ...]:
        """Return the newest runs first, of those older than `before` if one is named."""
        with self.database.read() as tx:
            return _listed(tx, _ids(tx, sought, limit, before or _BEYOND))

    def listed(self, runs: Sequence[RunId]) -> tuple[Listed, ...]:
        """Return those runs, the newest first; unknown ones are left out."""
        with self.database.read() as tx:
            return _listed(tx, runs)

    def of_runs(self, runs: Sequence[RunId]) -> Mapping[RunId, tuple[Shown, ...]]:
        """Return the cells of those runs in the order of their plans."""
        if not runs:
            return {}
        with self.database.read() as tx:
            nodes = _by_attempt(tx.all("board_nodes_of_runs", runs=list(runs)))
            cells = self._shown(tx, tx.all("board_cells", runs=list(runs)), nodes)
        by_run = groupby(cells, key=lambda shown: shown.cell.run)
        return dict.fromkeys(runs, ()) | {run: tuple(group) for run, group in by_run}

    def cells(
        self, sought: SoughtCells, limit: int, after: CellId | None = None
    ) -> tuple[tuple[Shown, ...], CellId | None]:
        """Return cells by run, the newest first, then by name; and where to go on, None at end."""
        before = run_of(after) + 1 if after else _BEYOND
        found: list[CellId] = []
        with self.database.read() as tx:
            archs = self._archs.named(tx, sought.arch) if sought.arch else []
            if sought.arch and not archs:
                return (), None
            for _ in range(_LOOKS):
                runs = _candidates(tx, sought, archs, before)
                found += [cell for cell in _of(tx, sought, archs, runs) if _follows(cell, after)]
                before = min(runs, default=0)
                if len(found) > limit or len(runs) < _RUNS:
                    break
            page = found[:limit]
            shown = self._some(tx, page)
        if len(found) > limit:
            return shown, page[-1]
        # a name that is greater than any: the rest of that run was looked through
        return shown, CellId(f"{before}/\ufffd") if len(runs) == _RUNS else None

    def past(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, tuple[Event, ...]]:
        """Return what happened to those attempts, each oldest first."""
        if not attempts:
            return {}
        with self.database.read() as tx:
            rows = tx.all("board_events", attempts=list(attempts))
        by_attempt = groupby(rows, key=lambda row: AttemptId(row.attempt))
        return {attempt: tuple(map(event_from, group)) for attempt, group in by_attempt}

    def some(self, cells: Sequence[CellId]) -> tuple[Shown, ...]:
        """Return those of the cells that there are, in their order."""
        with self.database.read() as tx:
            return self._some(tx, cells)

    def under_way(self) -> tuple[Shown, ...]:
        """Return the cells that have machines and are not judged."""
        with self.database.read() as tx:
            return self._some(tx, [CellId(row.id) for row in tx.all("board_under_way")])

    def waiting(self) -> tuple[Crowd, ...]:
        """Return how many cells wait for which reason, the most common first."""
        with self.database.read() as tx:
            return tuple(Crowd(why=row.why, count=row.many) for row in tx.all("board_waiting"))

    def verdicts(self) -> tuple[tuple[Verdict, int], ...]:
        """Return how many attempts came to what."""
        with self.database.read() as tx:
            rows = tx.all("board_verdicts")
        return tuple((Verdict(row.verdict), int(row.many)) for row in rows)

    def leases(self) -> tuple[LeaseView, ...]:
        """Return who has which machine now, by the machines' names."""
        with self.database.read() as tx:
            return tuple(map(_lease, tx.all("board_leases")))

    def leases_of(self, node: str, limit: int, before: int | None = None) -> tuple[LeaseView, ...]:
        """Return who has and had the machine, the newest first, with a token below `before`."""
        values: dict[str, Value] = {"node": node, "limit": limit, "before": before or _BEYOND}
        with self.database.read() as tx:
            return tuple(map(_lease, tx.all("board_leases_of_node", **values)))

    def _some(self, tx: Transaction, cells: Sequence[CellId]) -> tuple[Shown, ...]:
        """Return those cells in their order."""
        if not cells:
            return ()
        nodes = _by_attempt(tx.all("board_nodes_of_cells", cells=list(cells)))
        rows = tx.all("board_some_cells", cells=list(cells))
        by_id = {shown.cell.id: shown for shown in self._shown(tx, rows, nodes)}
        return tuple(by_id[cell] for cell in cells if cell in by_id)

    def _shown(
        self, tx: Transaction, rows: Sequence[Row[Any]], nodes: Mapping[str, tuple[str, ...]]
    ) -> tuple[Shown, ...]:
        groups = [tuple(group) for _, group in groupby(rows, key=lambda row: str(row.cell))]
        return tuple(
            _cell(group, self._archs.get(tx, group[-1].arch), nodes.get(group[-1].attempt, ()))
            for group in groups
        )


def _ids(tx: Transaction, sought: Sought, limit: int, before: int) -> list[RunId]:
    """Return the runs that are sought, the newest first, by the index that leads there fastest."""
    words = {"repo": sought.repo, "ref": sought.ref, "requester": sought.requester}
    given = {name for name, word in words.items() if word}
    rest: dict[str, Value] = {"lane": sought.lane, "before": before, "limit": limit}
    if sought.unsettled:
        rows = tx.all("board_ids_unsettled", **words, **rest)
    elif {"repo", "ref"} <= given:
        rows = tx.all("board_ids_of_branch", **words, **rest)
    elif "repo" in given:
        rows = tx.all("board_ids_of_repo", repo=sought.repo, requester=sought.requester, **rest)
    elif "ref" in given:
        rows = tx.all("board_ids_of_ref", ref=sought.ref, requester=sought.requester, **rest)
    elif "requester" in given:
        rows = tx.all("board_ids_of_requester", requester=sought.requester, **rest)
    else:
        rows = tx.all("board_ids", **rest)
    return [RunId(row.id) for row in rows]


def _candidates(
    tx: Transaction, sought: SoughtCells, archs: Sequence[str], before: int
) -> list[RunId]:
    """Return the next runs that may hold such cells, by the index that leads there fastest."""
    some: dict[str, Value] = {"before": before, "limit": _RUNS}
    if sought.runs != Sought():
        return _ids(tx, sought.runs, _RUNS, before)
    if sought.arch:
        rows = tx.all("board_runs_of_arch", archs=archs, **some)
    elif sought.verdict:
        rows = tx.all("board_runs_of_verdict", verdict=sought.verdict, **some)
    else:
        rows = tx.all("board_ids", lane="", **some)
    return [RunId(row.id) for row in rows]


def _of(
    tx: Transaction, sought: SoughtCells, archs: Sequence[str], runs: Sequence[RunId]
) -> list[CellId]:
    some: dict[str, Value] = {"runs": list(runs), "verdict": sought.verdict or ""}
    if sought.arch:
        rows = tx.all("board_ids_of_arch", archs=archs, **some)
    else:
        rows = tx.all("board_ids_of_cells", **some)
    return sorted((CellId(row.id) for row in rows), key=lambda cell: (-run_of(cell), cell))


def _follows(cell: CellId, after: CellId | None) -> bool:
    return after is None or run_of(cell) < run_of(after) or cell > after


def _listed(tx: Transaction, runs: Sequence[RunId]) -> tuple[Listed, ...]:
    if not runs:
        return ()
    return tuple(
        Listed(run=_run(row), version=0 if row.unsettled or row.holding else row.attempts)
        for row in tx.all("board_runs", runs=list(runs))
    )


def _run(row: Row[Any]) -> Run:
    return Run(
        id=RunId(row.id),
        repo=row.repo,
        ref=row.ref,
        commit=snapshot_from(row.snapshot).commit,
        lane=Lane(row.lane),
        requester=row.requester,
        reason=row.reason,
        asked_at=datetime.fromisoformat(row.asked_at),
        state=State(row.state),
    )


def _by_attempt(rows: Sequence[Row[Any]]) -> dict[str, tuple[str, ...]]:
    by_attempt = groupby(rows, key=lambda row: str(row.attempt))
    return {attempt: tuple(row.node for row in group) for attempt, group in by_attempt}


def _lease(row: Row[Any]) -> LeaseView:
    return LeaseView(
        node=row.node,
        token=row.token,
        attempt=row.attempt,
        cell=row.cell,
        role=row.role,
        state=State(row.state),
        verdict=Verdict(row.verdict) if row.verdict else None,
        granted_at=instant(row.granted_at),
        freed=bool(row.freed),
        held_until=None if row.freed else instant(row.held_until),
    )


def _cell(attempts: Sequence[Row[Any]], arch: Arch, nodes: tuple[str, ...]) -> Shown:
    """Return the cell as its newest attempt shows it."""
    newest = attempts[-1]
    waits = newest.attempt_state == State.WAITING
    cell = Cell(
        id=CellId(newest.cell),
        run=RunId(newest.run),
        arch=arch,
        state=State(newest.attempt_state),
        ruling=ruling_from(newest.ruling) if newest.ruling else None,
        attempts=tuple(AttemptId(row.attempt) for row in attempts),
        nodes=nodes,
        updated=instant(newest.updated) if newest.updated else None,
        why=newest.why if waits else "",
        way=newest.way,
        wait=why_from(newest.wait) if waits else None,
    )
    summary = SUMMARY.validate_json(newest.summary) if newest.summary else None
    return Shown(cell=cell, summary=summary)
