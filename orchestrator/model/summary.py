"""Derive views from events: times, tallies, who was there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.view import Phases, Tally

_ENDS = (Kind.FINISHED, Kind.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an attempt came to, in short: kept with its ruling, since it cannot change any more."""

    phases: Phases = field(default_factory=Phases)
    tests: Tally = field(default_factory=Tally)


def summarise(events: Sequence[Event]) -> Summary:
    """Return what the events of an attempt tell in short."""
    return Summary(phases=phases(events), tests=tally(events))


def phases(events: Sequence[Event]) -> Phases:
    """Return the seconds between each stage's start and its end."""
    return Phases(
        lease=_seconds(events, Stage.LEASE),
        provision=_seconds(events, Stage.PROVISION),
        deploy=_seconds(events, Stage.DEPLOY),
        # All that a partner does of it is counted here: we see no more.
        smoke=_seconds(events, Stage.SMOKE) or _seconds(events, Stage.PARTNER),
    )


def tests(events: Sequence[Event]) -> tuple[TestResult, ...]:
    """Return the newest results of the suite, with excerpts of logs; empty if it never ran."""
    found = next((e.tests for e in reversed(events) if e.kind is Kind.TESTED), ())
    told = next((e.tests for e in reversed(events) if e.kind is Kind.DIAGNOSED), ())
    excerpts = {test.name: test for test in told}
    return tuple(excerpts.get(test.name, test) for test in found)


def tally(events: Sequence[Event]) -> Tally:
    """Return how many tests ended how."""
    outcomes = [test.outcome for test in tests(events)]
    return Tally(
        passed=outcomes.count(Outcome.PASSED),
        failed=outcomes.count(Outcome.FAILED) + outcomes.count(Outcome.ERROR),
        skipped=outcomes.count(Outcome.SKIPPED),
    )


def nodes(events: Sequence[Event]) -> tuple[str, ...]:
    """Return the machines that were leased, in the order of their roles."""
    return tuple(dict.fromkeys(e.node for e in events if e.kind is Kind.LEASED))


def stage(events: Sequence[Event]) -> str:
    """Return the stage that is under way, or an empty text."""
    last = next((e for e in reversed(events) if e.kind is not Kind.NOTE), None)
    return (
        "" if last is None or (last.stage is Stage.RELEASE and last.kind in _ENDS) else last.stage
    )


def _seconds(events: Sequence[Event], of: Stage) -> float | None:
    begin = next((e.at for e in events if e.stage is of and e.kind is Kind.STARTED), None)
    end = next((e.at for e in events if e.stage is of and e.kind in _ENDS), None)
    if begin is None or end is None:
        return None
    return round((end - begin).total_seconds(), 3)


def doing(events: Sequence[Event]) -> str:
    """Return the newest word of progress in the stage that is under way, or an empty text."""
    last = events[-1] if events else None
    if last is None or last.kind is not Kind.PROGRESS or last.stage is not Stage.PROVISION:
        return ""
    return f"{last.node}: {last.text}" if last.node else last.text
