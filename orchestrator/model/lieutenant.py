"""What a lieutenant is shown: what changed, how their archs do, and what is said of their reds."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.health import Day, Judged, Novelty
from orchestrator.model.quality import Quality
from orchestrator.model.waiver import Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Lieutenant:
    """Who answers for which archs."""

    name: str
    archs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that changed."""

    novelty: Novelty
    #: what it is about: an arch, a machine, a partner
    about: str
    #: one sentence
    text: str
    at: datetime
    #: the page that tells more
    page: str
    #: the branch that it is about, if any
    ref: str = ""
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Red:
    """A branch that is red on an arch now."""

    #: its first red since it was green, and its newest
    first: Judged
    newest: Judged
    waivers: tuple[Waiver, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchHealth:
    """How an arch does."""

    arch: str
    summary: str
    voting: bool
    quality: Quality
    #: its last results, the newest first
    results: tuple[Judged, ...]
    days: tuple[Day, ...]
    #: shares; None with too little to say
    green_rate: float | None
    flake_rate: float | None
    #: median seconds from a branch's first red to its next green; None: none became green again
    time_to_green: float | None
    reds: tuple[Red, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LieutenantView:
    """A lieutenant's page."""

    name: str
    #: since when things count as changed, and what that is: the last look, or asked for
    since: datetime
    looked_at: datetime | None
    news: tuple[News, ...]
    archs: tuple[ArchHealth, ...]

    @property
    def oldest_red(self) -> Red | None:
        """Return the red that is there for longest, waived or not."""
        reds = [red for arch in self.archs for red in arch.reds]
        return min(reds, key=lambda red: red.first.at, default=None)
