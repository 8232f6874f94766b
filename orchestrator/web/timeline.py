"""Stage times of an attempt as a bar: which part of the whole each stage took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.event import Event, Kind, Stage
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
    #: it has not ended
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """The stage that an attempt is in, and since when."""

    stage: str
    since: datetime


def spans(
    phases: Phases, live: Underway | None = None, now: datetime | None = None
) -> tuple[Span, ...]:
    """Return the stages that took time, in their order, filling the bar; last the one under way."""
    times = zip(_NAMES, (phases.lease, phases.provision, phases.deploy, phases.smoke), strict=True)
    took = [(name, seconds) for name, seconds in times if seconds and seconds >= SHORTEST]
    ended = len(took)
    if live and now:
        took.append((live.stage, max(0.0, (now - live.since).total_seconds())))
    total = sum(seconds for _, seconds in took) or 1.0
    found: list[Span] = []
    before = 0.0
    for index, (name, seconds) in enumerate(took):
        x, end = (round(WIDTH * part / total) for part in (before, before + seconds))
        span = Span(stage=name, seconds=seconds, x=x, width=end - x, live=index >= ended)
        found.append(span)
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


def log_of(files: Sequence[str], stage: str) -> str:
    """Return the kept file that tells most about a stage under way, or an empty text."""
    logs = [name for name in files if name.endswith(".log") and "/" not in name]
    consoles = [name for name in logs if name.startswith("console-")]
    suites = [name for name in logs if name.startswith("smoke")]
    plays = [name for name in logs if name not in {*consoles, *suites}]
    telling = dict.fromkeys((Stage.PROVISION, Stage.ATTEST), consoles)
    telling |= {Stage.DEPLOY: plays, Stage.SMOKE: suites}
    return next(iter(telling.get(Stage(stage), ())), "") if stage else ""
