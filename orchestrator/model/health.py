"""How an arch does over time, read from what its attempts came to."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import takewhile
from statistics import median

from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.quality import LATELY, Quality, quality
from orchestrator.model.verdict import Blame, Verdict

#: the verdicts that say something of a branch
TELLING = frozenset({Verdict.PASSED, Verdict.FAILED, Verdict.BROKEN})
#: a red so old speaks against an arch
OLD = timedelta(days=7)
#: those that say something of a commit
SURE = frozenset({Verdict.PASSED, Verdict.FAILED})
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


class Record:
    """An arch's results, the newest first, and what follows from them, worked out once."""

    def __init__(self, results: Iterable[Judged]) -> None:
        """Take the results, the newest first."""
        self.results = tuple(results)

    @cached_property
    def decided(self) -> tuple[Judged, ...]:
        """Return the newest telling result of each cell."""
        return decided(self.results)

    @cached_property
    def branches(self) -> Mapping[tuple[str, str], tuple[Judged, ...]]:
        """Return the decided results without patches, by repository and ref."""
        return branches(self.decided)

    @cached_property
    def flakes(self) -> tuple[Judged, ...]:
        """Return, of each commit that passed and failed, the newest result, the oldest first."""
        return tuple(sorted(flakes(self.results), key=lambda item: item.at))

    @cached_property
    def flake_rate(self) -> float | None:
        """Return the share of tested commits that passed and failed; None with too few of them."""
        commits = {(r.repo, r.commit, r.patched) for r in self.results if r.verdict in SURE}
        return len(self.flakes) / len(commits) if len(commits) >= ENOUGH else None

    @cached_property
    def green_rate(self) -> float | None:
        """Return the share of decided cells that passed; None with too few of them."""
        passed = sum(result.verdict is Verdict.PASSED for result in self.decided)
        return passed / len(self.decided) if len(self.decided) >= ENOUGH else None

    @cached_property
    def time_to_green(self) -> float | None:
        """Return the median seconds from a branch's first red to its next green, or None."""
        taken = [seconds for items in self.branches.values() for seconds in _mended(items)]
        return median(taken) if taken else None

    @cached_property
    def reds(self) -> tuple[tuple[Judged, Judged], ...]:
        """Return, of each red branch, its first red since it was green and its newest."""
        found = [_red_since(items) for items in self.branches.values() if items[0].red]
        return tuple(sorted(found, key=lambda pair: pair[0].at))

    @cached_property
    def by_day(self) -> Mapping[date, Counter[Verdict]]:
        """Return how many decided cells came to what, by the day."""
        found: defaultdict[date, Counter[Verdict]] = defaultdict(Counter)
        for result in self.decided:
            found[result.at.date()][result.verdict] += 1
        return found


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


def branches(decided: Iterable[Judged]) -> Mapping[tuple[str, str], tuple[Judged, ...]]:
    """Return the decided results without patches, by repository and ref, each newest first."""
    found: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
    for result in decided:
        if not result.patched:
            found[result.repo, result.ref].append(result)
    return {branch: tuple(items) for branch, items in found.items()}


def turns(record: Record, since: datetime) -> tuple[Turn, ...]:
    """Return how branches turned after `since`, the newest first; each branch's last word only."""
    found = [turn for items in record.branches.values() for turn in _turned(items, since)]
    flaky = record.flakes
    # the first disagreement, if there was none in what is known before
    if flaky and flaky[0].at > since:
        found.append(Turn(novelty=Novelty.FLAKY, result=flaky[0]))
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


def flakes(results: Iterable[Judged]) -> tuple[Judged, ...]:
    """Return, of each commit that passed and failed for the product, the newest result."""
    by_commit: defaultdict[tuple[str, str, bool], list[Judged]] = defaultdict(list)
    for result in results:
        if result.verdict in SURE:
            by_commit[result.repo, result.commit, result.patched].append(result)
    return tuple(
        items[0] for items in by_commit.values() if len({item.verdict for item in items}) > 1
    )


def _mended(items: Sequence[Judged]) -> Iterator[float]:
    """Yield the seconds from each first red of a branch to its next green."""
    began: datetime | None = None
    for item in reversed(items):
        if item.red:
            began = began or item.at
        elif began:
            yield (item.at - began).total_seconds()
            began = None


def _red_since(items: Sequence[Judged]) -> tuple[Judged, Judged]:
    """Return the first red of a branch since it was green, and its newest."""
    *_, first = takewhile(lambda item: item.red, items)
    return first, items[0]


def days(record: Record, now: datetime, count: int) -> tuple[Day, ...]:
    """Return the last `count` days' results, the oldest first; days without any are empty."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    spread = (today - timedelta(days=back) for back in reversed(range(count)))
    none: Counter[Verdict] = Counter()
    found = ((day, record.by_day.get(day.date(), none)) for day in spread)
    return tuple(
        Day(
            day=day,
            passed=counts[Verdict.PASSED],
            failed=counts[Verdict.FAILED],
            broken=counts[Verdict.BROKEN],
        )
        for day, counts in found
    )


def grade(name: str, record: Record, now: datetime, *, voting: bool) -> Quality:
    """Return how an arch does on all branches; flakes and what stays red speak against it."""
    recent = [result.verdict for result in record.decided if now - result.at <= LATELY]
    return quality(name, recent, voting=voting, wrong=_wrong(name, record, now))


def _wrong(name: str, record: Record, now: datetime) -> str:
    old = next((first for first, _ in record.reds if now - first.at > OLD), None)
    if old:
        return f"{old.ref} is red on {name} for more than {OLD.days} days"
    flaky = record.flake_rate or 0
    return f"{flaky:.0%} of the commits on {name} passed and failed" if flaky > FLAKY else ""
