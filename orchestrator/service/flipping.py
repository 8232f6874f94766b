"""The report on how ready a default is to be flipped."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.model import summary
from orchestrator.model.arch import Arch
from orchestrator.model.errors import ConfigError, NotFound
from orchestrator.model.event import WORK, Event, Kind
from orchestrator.model.flipping import (
    ENOUGH,
    Pair,
    Result,
    differences,
    ready,
    steady,
    twins,
)
from orchestrator.model.result import Outcome
from orchestrator.model.run import Cell, Run
from orchestrator.model.studies import CandidateView, FlipView
from orchestrator.model.verdict import Verdict
from orchestrator.ports.store import Events, Runs
from orchestrator.service.lab import Lab
from orchestrator.stages.plan import meant

#: runs that are looked at
RUNS = 500
_RED = frozenset({Outcome.FAILED, Outcome.ERROR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flipping:
    """Compares the values of a setting by what the store remembers."""

    lab: Lab
    runs: Runs
    events: Events

    def report(self, axis: str, repo: str = "") -> FlipView:
        """Return each other value of the axis beside its first one, the present default.

        Of all repositories if `repo` is empty. Raises `NotFound` for an axis that no arch has, or
        that has one value only, and `ConfigError` if repositories that ran mean other values by it.
        """
        ran = self.runs.recent(repo, RUNS)
        archs = list(self.lab.archs.values())
        repos = dict.fromkeys(run.repo for run, _ in ran)
        values = _values(meant(archs, repo) if repo else _agreed(archs, repos, axis), axis)
        results = tuple(self._results(axis, ran))
        default = values[0]
        return FlipView(
            axis=axis,
            repo=repo,
            default=default,
            candidates=tuple(
                _candidate(value, twins(results, axis, default, value)) for value in values[1:]
            ),
        )

    def _results(self, axis: str, ran: Sequence[tuple[Run, Sequence[Cell]]]) -> Iterator[Result]:
        for run, cells in ran:
            for cell in cells:
                verdict = cell.ruling.verdict if cell.ruling else None
                if verdict in {Verdict.PASSED, Verdict.FAILED} and axis in dict(cell.arch.axes):
                    yield self._result(run, cell, passed=verdict is Verdict.PASSED)

    def _result(self, run: Run, cell: Cell, *, passed: bool) -> Result:
        # What passed has nothing red, and reading its events would take most of the time.
        red = frozenset[str]() if passed else reds(self.events.of(cell.attempts[-1]))
        return Result(
            commit=f"{run.repo}@{run.commit.name}",
            at=cell.updated or run.asked_at,
            arch=cell.arch,
            passed=passed,
            red=red,
        )


def reds(events: Sequence[Event]) -> frozenset[str]:
    """Return an attempt's red tests, or the stage that failed before any, e.g. `(deploy)`."""
    found = frozenset(test.name for test in summary.tests(events) if test.outcome in _RED)
    failed = next((e.stage for e in events if e.kind is Kind.FAILED and e.stage in WORK), None)
    return found or frozenset({f"({failed})"} if failed else ())


def _agreed(archs: Sequence[Arch], repos: Iterable[str], axis: str) -> Sequence[Arch]:
    """Return the archs for these repositories, which agree on the axis; all if none has it."""
    by_repo = {repo: meant(archs, repo) for repo in repos}
    values = {repo: found for repo, of in by_repo.items() if (found := _found(of, axis))}
    if len(set(values.values())) > 1:
        msg = f"{axis} has other values for {' than for '.join(values)}: say --repo"
        raise ConfigError(msg)
    return by_repo[next(iter(values))] if values else archs


def _found(archs: Sequence[Arch], axis: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for a in archs for key, value in a.axes if key == axis))


def _values(archs: Sequence[Arch], axis: str) -> tuple[str, ...]:
    found = _found(archs, axis)
    if not found:
        axes = sorted({key for arch in archs for key, _ in arch.axes})
        raise NotFound(f"no arch has an axis {axis!r}; there are {', '.join(axes) or 'none'}")
    if len(found) == 1:
        msg = f"{axis} has the value {found[0]} only: give some arch file another one to compare"
        raise NotFound(msg)
    return found


def _candidate(value: str, pairs: Sequence[Pair]) -> CandidateView:
    row = steady(pairs)
    return CandidateView(
        value=value,
        commits=len({pair.commit for pair in pairs}),
        cells=len(pairs),
        default_passed=sum(pair.default.passed for pair in pairs),
        passed=sum(pair.candidate.passed for pair in pairs),
        ready=ready(pairs),
        steady=len(row),
        steady_since=row[0] if row else "",
        because=_because(value, pairs, len(row)),
        differences=differences(pairs),
    )


def _because(value: str, pairs: Sequence[Pair], row: int) -> str:
    if not pairs:
        return f"no commit was decided with {value} and with the default"
    newest = "the newest commit" if row == 1 else f"the newest {row} commits"
    if row >= ENOUGH:
        return f"nothing was red with {value} only on {newest}"
    if not row:
        worse = sorted(pairs[-1].worse) or sorted({t for p in pairs[-1:] for t in p.worse})
        known = ", ".join(worse) or "something"
        return f"{known} is red with {value} only, on the newest commit"
    return f"nothing was red with {value} only on {newest}; {ENOUGH} are wanted"
