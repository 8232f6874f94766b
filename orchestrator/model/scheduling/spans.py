"""How long cells take, as far as anybody knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Seconds for which an arch has its machines."""

    #: half of its cells are over by then
    usual: float
    #: nine of ten are
    late: float


#: of an arch that never ran, in a lab where none did
UNKNOWN = Span(usual=1800, late=5400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """What each arch usually takes; archs without history take what the others do."""

    by_arch: Mapping[str, Span] = field(default_factory=dict)
    other: Span = UNKNOWN

    def of(self, arch: str) -> Span:
        """Return the span of an arch."""
        return self.by_arch.get(arch, self.other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the scheduler knows beside the situation: experience, and the lab's limits."""

    spans: Spans = Spans()
    #: by node: what it shares with others, as (kind, name), e.g. ("bmc", "10.0.0.7")
    groups: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    #: machine-seconds of work that somebody asks for in each second to come, and that goes before
    #: what waits already in large requests
    arrivals: float = 0.0
    #: by kind of group: how many of its machines may be installed at once
    limits: Mapping[str, int] = field(default_factory=dict)
