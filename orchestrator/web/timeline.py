"""Stage times of an attempt as a bar: which part of the whole each stage took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.event import Event, Kind
from orchestrator.model.view import Phases

#: units across the whole bar
WIDTH = 1000
#: seconds; what took less is not worth a word
SHORTEST = 0.05
_NAMES = ("lease", "provision", "deploy", "smoke")
_ENDS = frozenset({Kind.FINISHED, Kind.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stage: its seconds, and where its part of the bar lies, in units of `WIDTH`."""

    stage: str
    seconds: float
    x: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """The stage that an attempt is in, and since when."""

    stage: str
    since: datetime


def spans(phases: Phases) -> tuple[Span, ...]:
    """Return the stages that took time and came to an end, in their order, filling the bar."""
    times = zip(_NAMES, (phases.lease, phases.provision, phases.deploy, phases.smoke), strict=True)
    took = [(name, seconds) for name, seconds in times if seconds and seconds >= SHORTEST]
    total = sum(seconds for _, seconds in took) or 1.0
    found: list[Span] = []
    before = 0.0
    for name, seconds in took:
        x, end = (round(WIDTH * part / total) for part in (before, before + seconds))
        found.append(Span(stage=name, seconds=seconds, x=x, width=end - x))
        before += seconds
    return tuple(found)


def underway(events: Sequence[Event]) -> Underway | None:
    """Return the stage that was started last and has not ended, or None."""
    for event in reversed(events):
        if event.kind in _ENDS:
            return None
        if event.kind is Kind.STARTED and event.at:
            return Underway(stage=event.stage, since=event.at)
    return None
