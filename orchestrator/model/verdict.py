"""Verdict, blame, and the order in which the worst of several wins."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """What a cell or an attempt came to."""

    #: every test passed
    PASSED = "passed"
    #: the product did wrong: never retried
    FAILED = "failed"
    #: we could not tell: retried on other machines
    BROKEN = "broken"
    #: somebody stopped it
    CANCELLED = "cancelled"
    #: this arch has nothing to say about this commit
    SKIPPED = "skipped"


class Blame(StrEnum):
    """Who has to act on a verdict that is not green."""

    PRODUCT = "product"
    INFRA = "infra"
    CONFIG = "config"
    PARTNER = "partner"
    ORCHESTRATOR = "orchestrator"


class ExitStatus(IntEnum):
    """The promise of the command line (design, section 4)."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    UNDECIDED = 3
    CANCELLED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict with its blame (None when green) and one sentence that says why."""

    verdict: Verdict
    blame: Blame | None = None
    cause: str = ""
    #: the nodes that the blame falls on, by name; empty unless blame is infra
    suspects: tuple[str, ...] = ()


def exit_status(rulings: tuple[Ruling, ...]) -> ExitStatus:
    """Return the exit status for the voting cells' rulings; the first that applies wins.

    A failed cell outranks everything, since it is the one certain thing that was learned; then
    what the requester can mend (config), then what nobody could tell, then cancellation.
    """
    verdicts = {ruling.verdict for ruling in rulings}
    if Verdict.FAILED in verdicts:
        return ExitStatus.FAILED
    if any(ruling.blame is Blame.CONFIG for ruling in rulings):
        return ExitStatus.USAGE
    if Verdict.BROKEN in verdicts:
        return ExitStatus.UNDECIDED
    if Verdict.CANCELLED in verdicts:
        return ExitStatus.CANCELLED
    return ExitStatus.PASSED
