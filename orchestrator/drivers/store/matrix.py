"""Windows of the matrix."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import snapshot_from
from orchestrator.drivers.store.database import Database, Transaction, Value
from orchestrator.model.grid import Head, Outcome, Pending, Wanted, Words
from orchestrator.model.ids import CellId, RunId
from orchestrator.model.verdict import Blame, Verdict


@dataclass(frozen=True, slots=True)
class Matrix:
    """`ports.matrix.Matrix` over a database."""

    database: Database
    #: the words as of a newest run: they change with new runs only
    _worded: Callable[[int], Words] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with nothing known."""
        object.__setattr__(self, "_worded", lru_cache(maxsize=1)(lambda _: self._words()))

    def columns(
        self, wanted: Wanted, first: int, count: int, *, by_commit: bool
    ) -> tuple[Head, ...]:
        """Return up to `count` columns from number `first`, the newest first."""
        values = _values(wanted) | {"first": first, "count": count}
        with self.database.read() as tx:
            if by_commit:
                return _commits(tx, values)
            rows = tx.all("matrix_runs", **values)
        return tuple(_head([row]) for row in rows)

    def count(self, wanted: Wanted, *, by_commit: bool) -> int:
        """Return how many columns there are."""
        name = "matrix_count_commits" if by_commit else "matrix_count_runs"
        with self.database.read() as tx:
            return int(tx.single(name, **_values(wanted)).many)

    def outcomes(self, runs: Sequence[RunId]) -> tuple[Outcome, ...]:
        """Return what the settled cells of these runs came to, in no order."""
        if not runs:
            return ()
        with self.database.read() as tx:
            rows = tx.all("matrix_outcomes", runs=list(runs))
        return tuple(_outcome(row) for row in rows)

    def words(self) -> Words:
        """Return the repositories, branches and people that there are, the newest first."""
        with self.database.read() as tx:
            newest = int(tx.single("matrix_newest").run)
        return self._worded(newest)

    def pending(self) -> Pending:
        """Return what runs, and why the rest waits."""
        with self.database.read() as tx:
            running = tuple(CellId(row.cell) for row in tx.all("matrix_running"))
            told = [(str(row.why), int(row.times)) for row in tx.all("matrix_reasons")]
        reasons: Counter[str] = Counter()
        for why, times in told:
            # who each is behind, after the semicolon, would tell all of them apart
            reasons[why.partition("; ")[0]] += times
        return Pending(running=running, reasons=tuple(reasons.most_common()))

    def _words(self) -> Words:
        with self.database.read() as tx:
            repos, refs, people = (
                tuple(str(row.word) for row in tx.all(name) if row.word)
                for name in ("matrix_repos", "matrix_refs", "matrix_requesters")
            )
        return Words(repos=repos, refs=refs, requesters=people)


def _commits(tx: Transaction, values: dict[str, Value]) -> tuple[Head, ...]:
    """Return commits as columns, each with its runs."""
    newest = [str(row.commit_id) for row in tx.all("matrix_commits", **values)]
    if not newest:
        return ()
    of: dict[str, list[Row[Any]]] = {name: [] for name in newest}
    for row in tx.all("matrix_runs_of_commits", commits=newest, at=values["at"]):
        of[row.commit_id].append(row)
    return tuple(map(_head, of.values()))


def _values(wanted: Wanted) -> dict[str, Value]:
    blame = f'%"blame": "{wanted.blame}"%' if wanted.blame else "%"
    return {
        "at": wanted.at,
        "repo": wanted.repo,
        "ref": wanted.ref,
        "lane": wanted.lane,
        "requester": wanted.requester,
        "judged": "yes" if wanted.verdict or wanted.blame else "",
        "verdict": str(wanted.verdict or ""),
        "blame": blame,
    }


def _outcome(row: Row[Any]) -> Outcome:
    # Thousands of them are read at once: of the ruling nothing but the blame is looked at.
    _, _, rest = row.ruling.partition('"blame": "')
    blame = Blame(rest.partition('"')[0]) if rest else None
    return Outcome(cell=CellId(row.cell), verdict=Verdict(row.verdict), blame=blame)


def _head(rows: Sequence[Row[Any]]) -> Head:
    newest = rows[0]
    commit = snapshot_from(newest.snapshot).commit
    return Head(
        run=RunId(newest.id),
        runs=tuple(RunId(row.id) for row in rows),
        repo=newest.repo,
        ref=newest.ref,
        commit=commit.name,
        subject=commit.subject,
        requester=newest.requester,
        lane=newest.lane,
        asked_at=datetime.fromisoformat(newest.asked_at),
    )
