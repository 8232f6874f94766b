"""How ready a setting's other value is to become the default: both, on the same commits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.arch import Arch, Settings

#: so many commits in a row without a test that is red with the candidate only
ENOUGH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A decided cell: what it ran on, and what of it was red."""

    commit: str
    at: datetime
    arch: Arch
    passed: bool
    #: red tests; of a cell that came to no tests, the stage that failed, e.g. `(deploy)`
    red: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One commit on two archs that differ in the setting only."""

    default: Result
    candidate: Result

    @property
    def commit(self) -> str:
        """Return the commit that both tested."""
        return self.default.commit

    @property
    def at(self) -> datetime:
        """Return since when both are known."""
        return max(self.default.at, self.candidate.at)

    @property
    def worse(self) -> frozenset[str]:
        """Return what is red with the candidate only."""
        return self.candidate.red - self.default.red

    @property
    def better(self) -> frozenset[str]:
        """Return what is red with the default only."""
        return self.default.red - self.candidate.red


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A test that one value makes red and the other does not."""

    test: str
    #: red with the candidate; else with the default
    worse: bool
    commits: int
    #: the first commit of the row that ends now; empty: it does not differ any more
    since: str
    since_at: datetime | None
    last: str


def twins(results: Iterable[Result], axis: str, default: str, candidate: str) -> tuple[Pair, ...]:
    """Return what was decided with both values on the same commit, oldest first.

    Archs are twins if they come from one file and differ in the axis only. Of a commit that was
    tried again the newest result counts.
    """
    found: dict[tuple[str, str, Settings], dict[str, Result]] = {}
    for result in sorted(results, key=lambda one: one.at):
        settings = dict(result.arch.axes)
        value = settings.pop(axis, "")
        key = (result.commit, result.arch.source, tuple(sorted(settings.items())))
        found.setdefault(key, {})[value] = result
    pairs = (
        Pair(default=both[default], candidate=both[candidate])
        for both in found.values()
        if default in both and candidate in both
    )
    return tuple(sorted(pairs, key=lambda pair: pair.at))


def differences(pairs: Sequence[Pair]) -> tuple[Difference, ...]:
    """Return every test that differed on some commit: first what differs now, the worse first."""
    rows = [(pair.commit, pair.at, pair.worse, pair.better) for pair in pairs]
    found = [
        _difference(
            test, [(commit, at, test in worse) for commit, at, worse, _ in rows], worse=True
        )
        for test in {test for _, _, worse, _ in rows for test in worse}
    ] + [
        _difference(test, [(c, at, test in better) for c, at, _, better in rows], worse=False)
        for test in {test for _, _, _, better in rows for test in better}
    ]
    return tuple(sorted(found, key=lambda d: (not d.since, not d.worse, d.test)))


def steady(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Return the commits of the row that ends now on which no test was worse, oldest first."""
    row: list[str] = []
    bad = {pair.commit for pair in pairs if pair.worse}
    for pair in reversed(pairs):
        if pair.commit in bad:
            break
        if pair.commit not in row:
            row.append(pair.commit)
    return tuple(reversed(row))


def ready(pairs: Sequence[Pair]) -> bool:
    """Return whether the candidate could become the default by what is known."""
    return len(steady(pairs)) >= ENOUGH


def _difference(
    test: str, rows: Sequence[tuple[str, datetime, bool]], *, worse: bool
) -> Difference:
    """Return when a test differed; a commit on which several pairs were decided counts once."""
    by_commit: dict[str, tuple[datetime, bool]] = {}
    for commit, at, differs in rows:
        before = by_commit.pop(commit, (at, False))
        by_commit[commit] = (at, differs or before[1])
    since: tuple[str, datetime] | None = None
    for commit, (at, differs) in by_commit.items():
        since = (since or (commit, at)) if differs else None
    differing = [commit for commit, (_, differs) in by_commit.items() if differs]
    return Difference(
        test=test,
        worse=worse,
        commits=len(differing),
        since=since[0] if since else "",
        since_at=since[1] if since else None,
        last=differing[-1],
    )
