"""What archs and machines have behind them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row

from orchestrator.drivers.store.codec import RULING, instant, stamp
from orchestrator.drivers.store.database import Database
from orchestrator.model.health import Judged, Tenure
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.verdict import Ruling


@dataclass(frozen=True, slots=True)
class Pasts:
    """`ports.pasts.Pasts` over a database."""

    database: Database
    #: results by arch and number of runs, with when that was
    _seen: dict[tuple[str, int], tuple[tuple[int, int], tuple[Judged, ...]]] = field(
        default_factory=dict
    )

    def last_good(self, repo: str, arch: str, before: RunId) -> AttemptId | None:
        """Return the newest attempt before that run that the arch passed with, or None."""
        with self.database.read() as tx:
            row = tx.one("past_last_good", repo=repo, arch=arch, run=before)
        return AttemptId(row.attempt) if row else None

    def results(self, arch: str, runs: int) -> tuple[Judged, ...]:
        """Return what attempts of the arch in the newest `runs` came to, the newest first."""
        with self.database.read() as tx:
            # all that is asked for changes with a new run or a new judgement only
            state = tx.single("past_state")
            now = (state.run, state.judged)
            seen = self._seen.get((arch, runs))
            if seen and seen[0] == now:
                return seen[1]
            rows = tx.all("past_results", arch=arch, runs=runs)
        found = tuple(_judged(arch, row) for row in rows)
        self._seen[arch, runs] = (now, found)
        return found

    def tenures(self, node: str, limit: int) -> tuple[Tenure, ...]:
        """Return who had the machine, the newest first."""
        with self.database.read() as tx:
            rows = tx.all("past_tenures", node=node, limit=limit)
        return tuple(map(_tenure, rows))

    def used_since(self, since: datetime, limit: int) -> dict[str, tuple[Tenure, ...]]:
        """Return, by machine, who had it after then, the newest first; at most `limit` in all."""
        with self.database.read() as tx:
            rows = [
                *tx.all("past_tenures_since", since=stamp(since), limit=limit),
                *tx.all("past_tenures_held", since=stamp(since)),
            ]
        found: defaultdict[str, list[Tenure]] = defaultdict(list)
        for row in rows:
            found[row.node].append(_tenure(row))
        return {node: tuple(tenures) for node, tenures in found.items()}

    def holder(self, node: str) -> AttemptId | None:
        """Return who has the machine now, or None."""
        with self.database.read() as tx:
            row = tx.one("past_holder", node=node)
        return AttemptId(row.attempt) if row else None


@lru_cache(maxsize=4096)
def _ruling(text: str) -> Ruling:
    return RULING.validate_json(text)


def _judged(arch: str, row: Row[Any]) -> Judged:
    sha, _, patched = row.commit_id.partition("+")
    ruling = _ruling(row.ruling)
    return Judged(
        run=RunId(row.run),
        repo=row.repo,
        ref=row.ref,
        commit=sha,
        patched=bool(patched),
        cell=CellId(row.cell),
        attempt=AttemptId(row.attempt),
        arch=arch,
        verdict=ruling.verdict,
        blame=ruling.blame,
        cause=ruling.cause,
        at=datetime.fromisoformat(row.at),
    )


def _tenure(row: Row[Any]) -> Tenure:
    ruling = _ruling(row.ruling) if row.ruling else None
    return Tenure(
        attempt=AttemptId(row.attempt),
        role=row.role,
        since=datetime.fromisoformat(row.granted_at),
        until=instant(row.ended) if row.freed else None,
        verdict=ruling.verdict if ruling else None,
        blame=ruling.blame if ruling else None,
        cause=ruling.cause if ruling else "",
    )
