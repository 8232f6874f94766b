"""How an arch does over time, read from what its attempts came to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.quality import LATELY, Quality, quality
from orchestrator.model.verdict import Blame, Verdict

#: the verdicts that say something of a branch
TELLING = frozenset({Verdict.PASSED, Verdict.FAILED, Verdict.BROKEN})
#: a red so old speaks against an arch
OLD = timedelta(days=7)
#: results without which a share says nothing
ENOUGH = 5
#: more of its commits that both passed and failed speak against an arch
FLAKY = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What an attempt of an arch came to."""

    run: RunId
    repo: str
    ref: str
    #: the whole commit id
    commit: str
    #: with patches on top, which says nothing of the branch
    patched: bool
    cell: CellId
    attempt: AttemptId
    arch: str
    verdict: Verdict
    blame: Blame | None
    cause: str
    at: datetime

    @property
    def red(self) -> bool:
        """Return whether it failed or broke."""
        return self.verdict in {Verdict.FAILED, Verdict.BROKEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """Who had a machine, and what came of it; `until` is None while it lasts."""

    attempt: AttemptId
    role: str
    since: datetime
    until: datetime | None
    verdict: Verdict | None
    blame: Blame | None
    cause: str


class Novelty(StrEnum):
    """What a lieutenant wants to hear of."""

    RED = "new red"
    FIXED = "fixed"
    FLAKY = "newly flaky"
    LOST = "machine lost"
    SILENT = "partner silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A branch that turned on an arch: red, green again, or both on one commit."""

    novelty: Novelty
    result: Judged
    #: what it was before, or None if it was never tested
    before: Judged | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's results of an arch."""

    day: datetime
    passed: int
    failed: int
    broken: int


def decided(results: Iterable[Judged]) -> tuple[Judged, ...]:
    """Return the newest telling result of each cell, in the order given (newest first)."""
    cells: dict[CellId, Judged] = {}
    for result in results:
        if result.verdict in TELLING:
            cells.setdefault(result.cell, result)
    return tuple(cells.values())


def branches(results: Iterable[Judged]) -> Mapping[tuple[str, str], tuple[Judged, ...]]:
    """Return the decided results without patches, by repository and ref, each newest first."""
    found: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
    for result in decided(results):
        if not result.patched:
            found[result.repo, result.ref].append(result)
    return {branch: tuple(items) for branch, items in found.items()}


def turns(results: Sequence[Judged], since: datetime) -> tuple[Turn, ...]:
    """Return how branches turned after `since`, the newest first; each branch's last word only."""
    found = [turn for items in branches(results).values() for turn in _turned(items, since)]
    found += _flaked(results, since)
    return tuple(sorted(found, key=lambda turn: turn.result.at, reverse=True))


def _turned(items: Sequence[Judged], since: datetime) -> list[Turn]:
    newest = items[0]
    # What it was before the look counts: red and green again meanwhile is no news.
    before = next((item for item in items if item.at <= since), None)
    was = bool(before and before.red)
    if newest.at <= since or newest.red == was:
        return []
    first = newest
    for item in items:
        if item.at <= since or item.red != newest.red:
            break
        first = item
    novelty = Novelty.RED if newest.red else Novelty.FIXED
    return [Turn(novelty=novelty, result=first if newest.red else newest, before=before)]


def _flaked(results: Sequence[Judged], since: datetime) -> list[Turn]:
    """Return the first disagreement after `since`, if there was none in what is known before."""
    flaky = sorted(flakes(results), key=lambda item: item.at)
    if not flaky or flaky[0].at <= since:
        return []
    return [Turn(novelty=Novelty.FLAKY, result=flaky[0])]


def flakes(results: Iterable[Judged]) -> tuple[Judged, ...]:
    """Return, of each commit that passed and failed for the product, the newest result."""
    by_commit: defaultdict[tuple[str, str, bool], list[Judged]] = defaultdict(list)
    for result in results:
        if result.verdict in {Verdict.PASSED, Verdict.FAILED}:
            by_commit[result.repo, result.commit, result.patched].append(result)
    return tuple(
        items[0] for items in by_commit.values() if len({item.verdict for item in items}) > 1
    )


def flake_rate(results: Sequence[Judged]) -> float | None:
    """Return the share of tested commits that passed and failed; None with too few of them."""
    sure = {Verdict.PASSED, Verdict.FAILED}
    commits = {(r.repo, r.commit, r.patched) for r in results if r.verdict in sure}
    return len(flakes(results)) / len(commits) if len(commits) >= ENOUGH else None


def green_rate(results: Sequence[Judged]) -> float | None:
    """Return the share of decided cells that passed; None with too few of them."""
    found = decided(results)
    passed = sum(result.verdict is Verdict.PASSED for result in found)
    return passed / len(found) if len(found) >= ENOUGH else None


def time_to_green(results: Iterable[Judged]) -> float | None:
    """Return the median seconds from a branch's first red to its next green; None without any."""
    taken: list[float] = []
    for items in branches(results).values():
        began: datetime | None = None
        for item in reversed(items):
            if item.red:
                began = began or item.at
            elif began:
                taken.append((item.at - began).total_seconds())
                began = None
    return median(taken) if taken else None


def reds(results: Iterable[Judged]) -> tuple[tuple[Judged, Judged], ...]:
    """Return, of each branch that is red now, its first red since it was green and its newest."""
    found = []
    for items in branches(results).values():
        if not items[0].red:
            continue
        first = items[0]
        for item in items:
            if not item.red:
                break
            first = item
        found.append((first, items[0]))
    return tuple(sorted(found, key=lambda pair: pair[0].at))


def days(results: Iterable[Judged], now: datetime, count: int) -> tuple[Day, ...]:
    """Return the last `count` days' results, the oldest first; days without any are empty."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found: defaultdict[datetime, list[Verdict]] = defaultdict(list)
    for result in decided(results):
        found[result.at.replace(hour=0, minute=0, second=0, microsecond=0)].append(result.verdict)
    spread = (today - timedelta(days=back) for back in reversed(range(count)))
    return tuple(
        Day(
            day=day,
            passed=found[day].count(Verdict.PASSED),
            failed=found[day].count(Verdict.FAILED),
            broken=found[day].count(Verdict.BROKEN),
        )
        for day in spread
    )


def grade(name: str, results: Sequence[Judged], now: datetime, *, voting: bool) -> Quality:
    """Return how an arch does on all branches; flakes and what stays red speak against it."""
    recent = [result.verdict for result in decided(results) if now - result.at <= LATELY]
    return quality(name, recent, voting=voting, wrong=_wrong(name, results, now))


def _wrong(name: str, results: Sequence[Judged], now: datetime) -> str:
    old = next((first for first, _ in reds(results) if now - first.at > OLD), None)
    if old:
        return f"{old.ref} is red on {name} for more than {OLD.days} days"
    flaky = flake_rate(results) or 0
    return f"{flaky:.0%} of the commits on {name} passed and failed" if flaky > FLAKY else ""
