"""What was learned from how long things took: usual lengths, and budgets that follow from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, quantiles, stdev
from typing import Final

from orchestrator.model.event import Stage
from orchestrator.model.scheduling.spans import UNKNOWN, Span, Spans

#: fewer say nothing about the slowest one in two hundred
ENOUGH: Final = 8
#: two seconds more or less are no difference, nor is a seventh: machines are not that even
_LEAST_SPREAD: Final = 0.15
#: nothing that was good before is cut for being a little slower than ever
_OVER_SLOWEST: Final = 1.25
#: of Student's distribution at 99.5 %: (samples at least, quantile)
_STUDENT: Final = (
    (8, 3.50),
    (10, 3.25),
    (12, 3.11),
    (15, 2.98),
    (20, 2.86),
    (30, 2.76),
    (60, 2.66),
)
_NORMAL: Final = 2.58


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a length is learned of: a stage on an arch, or an install of an image on a node."""

    stage: Stage
    #: `kvm-flat`, or `n03 with debian-12`
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How long a stage may take, and what that is learned from; empty: it is the arch's cap."""

    seconds: float
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """Seconds that good ones took, the newest last."""

    #: of an arch's cells, from the grant of machines to their release
    cells: Mapping[str, Sequence[float]] = field(default_factory=dict)
    stages: Mapping[Subject, Sequence[float]] = field(default_factory=dict)

    def spans(self) -> Spans:
        """Return what each arch usually takes; an unknown one takes what the others do."""
        known = {arch: _span(took) for arch, took in self.cells.items() if took}
        if not known:
            return Spans()
        every = [seconds for took in self.cells.values() for seconds in took]
        other = Span(usual=median(every), late=max(max(every), UNKNOWN.late))
        return Spans(by_arch=known, other=other)

    def limit(self, subject: Subject, least: float, most: float) -> Limit:
        """Return the budget of what usually takes as long as `subject` did.

        It is the 99.5th percentile that the good ones let expect (a prediction limit of their
        logarithms), never below `least` nor above `most`; `most` until there are enough of them.
        """
        took = self.stages.get(subject, ())
        if len(took) < ENOUGH:
            return Limit(seconds=most)
        expected = max(_prediction(took), _OVER_SLOWEST * max(took))
        seconds = min(most, max(least, expected))
        if seconds >= most:
            return Limit(seconds=most)
        because = (
            f"{len(took)} good ones of {subject.name} took {median(took):.0f} s (median), "
            f"199 of 200 are over within {expected:.0f} s"
        )
        return Limit(seconds=math.ceil(seconds), because=because)


def _span(took: Sequence[float]) -> Span:
    """Return the span of an arch; what was seen only a few times may take longer than seen."""
    if len(took) < ENOUGH:
        return Span(usual=median(took), late=1.5 * max(took))
    return Span(usual=median(took), late=quantiles(took, n=10)[-1])


def _prediction(took: Sequence[float]) -> float:
    logs = [math.log(max(seconds, 0.001)) for seconds in took]
    count = len(logs)
    student = next((t for least, t in reversed(_STUDENT) if count >= least), _NORMAL)
    spread = max(stdev(logs), _LEAST_SPREAD)
    return math.exp(fmean(logs) + student * spread * math.sqrt(1 + 1 / count))
