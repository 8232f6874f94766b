"""What archs and machines have behind them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Row

from orchestrator.drivers.store.codec import RULING, instant, stamp
from orchestrator.drivers.store.database import Database, Transaction
from orchestrator.model.health import Judged, Record, Tenure
from orchestrator.model.ids import AttemptId, RunId, number_of
from orchestrator.model.verdict import Ruling

#: judgements since an arch was looked at that are read for it; after more it is read anew
MOST: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """An arch's results, as of the newest judgement then; older runs do not count."""

    judged: int
    oldest: int
    record: Record = field(default_factory=lambda: Record(()))

    def at(self, now: "_Seen", news: Sequence[tuple[int, Judged]]) -> "_Seen":
        """Return the same as of now, with what was judged since.

        Another thread may have looked later already: what it saw stays.
        """
        if (now.judged, now.oldest) <= (self.judged, self.oldest):
            return self
        added = [judged for seq, judged in news if seq > self.judged]
        kept = [one for one in self.record.results if one.run >= now.oldest]
        if not added and len(kept) == len(self.record.results):
            return replace(now, record=self.record)
        found = [*(one for one in added if one.run >= now.oldest), *kept]
        found.sort(key=lambda one: (one.run, number_of(one.attempt)), reverse=True)
        return replace(now, record=Record(found))


@dataclass(frozen=True, slots=True)
class Pasts:
    """`ports.pasts.Pasts` over a database."""

    database: Database
    #: by arch and number of runs
    _seen: dict[tuple[str, int], _Seen] = field(default_factory=dict)

    def last_good(self, repo: str, arch: str, before: RunId) -> AttemptId | None:
        """Return the newest attempt before that run that the arch passed with, or None."""
        with self.database.read() as tx:
            row = tx.one("past_last_good", repo=repo, arch=arch, run=before)
        return AttemptId(row.attempt) if row else None

    def results(self, archs: Sequence[str], runs: int) -> Mapping[str, Record]:
        """Return what attempts of each arch in the newest `runs` came to."""
        with self.database.read() as tx:
            state = tx.single("past_state")
            now = _Seen(judged=int(state.judged), oldest=int(state.run) - runs + 1)
            seen = {arch: self._seen.get((arch, runs)) for arch in archs}
            news = _news(tx, [one.judged for one in seen.values() if one], now.judged)
            for arch, known in seen.items():
                if known and news is not None:
                    self._seen[arch, runs] = known.at(now, news.get(arch, ()))
                else:
                    rows = tx.all("past_results", arch=arch, runs=runs)
                    found = Record(_judged(arch, row) for row in rows)
                    self._seen[arch, runs] = replace(now, record=found)
        return {arch: self._seen[arch, runs].record for arch in archs}

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


def _news(
    tx: Transaction, known: Sequence[int], newest: int
) -> Mapping[str, Sequence[tuple[int, Judged]]] | None:
    """Return what was judged after the least of the positions, by arch; None for too much."""
    since = min(known, default=newest)
    rows = tx.all("past_judged_since", seq=since, limit=MOST) if since < newest else ()
    if len(rows) == MOST:
        return None
    found: defaultdict[str, list[tuple[int, Judged]]] = defaultdict(list)
    for row in rows:
        arch = str(row.cell).partition("/")[2]
        found[arch].append((int(row.seq), _judged(arch, tuple(row)[1:])))
    return found


def _judged(arch: str, row: Sequence[Any]) -> Judged:
    # hundreds are read at once: a row by its places is read in half the time that its names take
    run, repo, ref, commit_id, attempt, cell, told, at = row
    sha, _, patched = commit_id.partition("+")
    ruling = _ruling(told)
    return Judged(
        run=run,
        repo=repo,
        ref=ref,
        commit=sha,
        patched=bool(patched),
        cell=cell,
        attempt=attempt,
        arch=arch,
        verdict=ruling.verdict,
        blame=ruling.blame,
        cause=ruling.cause,
        at=datetime.fromisoformat(at),
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
