"""Halving a line of commits until the first bad one is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What is known of a commit."""

    GOOD = "good"
    #: it fails as the cell in question does
    BAD = "bad"
    #: it could not be told: broken, or red for another reason
    UNCLEAR = "unclear"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a bisection is: places in its line."""

    #: which commit to try next; None: nothing is left to try
    probe: int | None
    #: among which the first bad one is, oldest first; the last of them is known to be bad
    suspects: tuple[int, ...]


def step(marks: Sequence[Mark]) -> Step:
    """Return what to try next in a line, oldest first, whose last is bad.

    The first is taken for good only if it is marked so; else it is tried first. What is unclear is
    gone round: its neighbours are tried, and it stays a suspect as long as nothing clears it.
    """
    if marks[0] is Mark.UNTRIED:
        return Step(probe=0, suspects=tuple(range(1, len(marks))))
    last = marks.index(Mark.BAD)
    good = max((i for i in range(last) if marks[i] is Mark.GOOD), default=0)
    between = range(good + 1, last)
    middle = (good + last) / 2
    open_ = [i for i in between if marks[i] is Mark.UNTRIED]
    probe = min(open_, key=lambda i: abs(i - middle), default=None)
    return Step(probe=probe, suspects=tuple(range(good + 1, last + 1)))


def tries(marks: Sequence[Mark]) -> int:
    """Return how many more commits are tried at most if none is unclear."""
    now = step(marks)
    first = 1 if marks[0] is Mark.UNTRIED else 0
    return first + (len(now.suspects) - 1).bit_length()
