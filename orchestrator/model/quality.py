"""How well an arch looks after what it tests: one law, for a product's coverage and for its people.

Grades follow the groups that OpenStack gives its hypervisors, but are computed:

A  it votes, is decided nine times in ten, and nothing else speaks against it
B  it was green lately, but one of these is missing: it advises, and blocks nobody
C  it was not green lately: use at your own risk
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from orchestrator.model.verdict import Verdict

#: how far back an arch's history counts
LATELY = timedelta(days=30)
#: so many of its newest results count
NEWEST = 20
#: with fewer that were decided, one or two, an arch has not proved that it can be relied on
ENOUGH = 3
#: the share of its results that must be decided (passed or failed), in hundredths
RELIABLE = 90


class Grade(StrEnum):
    """How well something is looked after; the first is the best."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """An arch's grade, and the sentence that says why."""

    grade: Grade
    because: str


def quality(name: str, verdicts: Sequence[Verdict], *, voting: bool, wrong: str = "") -> Quality:
    """Return how an arch does by what its cells came to lately, the newest first.

    `wrong` is what else keeps it from grade A, as a sentence; empty if nothing does.
    """
    recent = verdicts[:NEWEST]
    if Verdict.PASSED not in recent:
        what = "was never green" if recent else "has no result"
        return Quality(grade=Grade.C, because=f"{name} {what} in {LATELY.days} days")
    if lacks := _lacks(name, recent, voting=voting) or wrong:
        return Quality(grade=Grade.B, because=lacks)
    decided = _decided(recent)
    good = f"{name} votes, {decided} of its newest {len(recent)} are decided"
    return Quality(grade=Grade.A, because=good)


def _decided(recent: Sequence[Verdict]) -> int:
    return sum(verdict is not Verdict.BROKEN for verdict in recent)


def _lacks(name: str, recent: Sequence[Verdict], *, voting: bool) -> str:
    if not voting:
        return f"{name} does not vote"
    decided = _decided(recent)
    if decided < ENOUGH:
        times = "once" if decided == 1 else "twice"
        return f"{name} was decided {times} only, which is too few to rely on"
    if decided * 100 < RELIABLE * len(recent):
        return f"{name} could not tell {len(recent) - decided} of its newest {len(recent)} times"
    return ""
