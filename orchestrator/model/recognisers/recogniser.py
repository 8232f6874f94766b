"""What a line on a serial console means for the machine that prints it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.model.verdict import Blame


class Weight(StrEnum):
    """What a line says about the rest of this boot."""

    #: something failed that another network card, mirror or try may still make good
    WARNS = "warns"
    #: the machine gave up, and the line says why
    TELLS = "tells"
    #: the machine gave up; why was said before, if at all
    ENDS = "ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """Lines that mean the same, and what they mean.

    In the sentence, `{line}` is the line, and `{title}` the title of the screen that it stands on,
    in brackets. With `after`, the lines mean this only if that was the last sign of life.
    """

    pattern: re.Pattern[str]
    weight: Weight
    blame: Blame
    sentence: str
    after: re.Pattern[str] | None = None


def lines(
    weight: Weight, *patterns: str, says: str, blame: Blame = Blame.INFRA, after: str = ""
) -> Recogniser:
    """Return the recogniser of lines that match any of `patterns`, whose case does not matter."""
    known = re.compile("|".join(patterns), re.IGNORECASE)
    sign = re.compile(after, re.IGNORECASE) if after else None
    return Recogniser(pattern=known, weight=weight, blame=blame, sentence=says, after=sign)
