"""Reds that somebody has seen, or that do not count for a while: who says so, why, until when."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.ids import CellId, run_of
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.verdict import Ruling

_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
_LONGEST = 400


class Sort(StrEnum):
    """What is said of a red."""

    #: somebody looks after it
    ACK = "ack"
    #: it is known, and stops nobody until it expires
    WAIVE = "waive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """What somebody said of a red cell; good for later cells of the branch that fail the same."""

    id: int
    sort: Sort
    cell: CellId
    arch: str
    repo: str
    ref: str
    #: what is wrong, as `symptom` makes it of tests and cause
    symptom: str
    reason: str
    by: str
    at: datetime
    #: None: until somebody takes it back
    until: datetime | None = None
    withdrawn_at: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Return whether it is neither expired nor taken back."""
        return self.withdrawn_at is None and (self.until is None or now < self.until)

    def covers(self, cell: CellId, symptom: str) -> bool:
        """Return whether it speaks of that cell of its branch: the same one, or the same wrong."""
        return cell == self.cell or (run_of(cell) >= run_of(self.cell) and symptom == self.symptom)


def symptom(ruling: Ruling | None, tests: Sequence[TestResult]) -> str:
    """Return what is wrong in words that stay the same while it is the same.

    The red tests; without any, the cause without its numbers. A waiver is carried over to the same
    symptom only, so that one more red test is never hidden by it.
    """
    red = sorted(t.name for t in tests if t.outcome in {Outcome.FAILED, Outcome.ERROR})
    if red:
        return "tests: " + ", ".join(red)
    return "cause: " + _NUMBERS.sub("#", ruling.cause if ruling else "")[:_LONGEST]


def speaking(
    waivers: Iterable[Waiver], cell: CellId, symptom: str, now: datetime
) -> tuple[Waiver, ...]:
    """Return the waivers that are good now and speak of the cell, the newest first."""
    found = [w for w in waivers if w.good(now) and w.covers(cell, symptom)]
    return tuple(sorted(found, key=lambda waiver: waiver.id, reverse=True))
