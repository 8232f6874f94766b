"""What came out when a machine's BMC was put to the test."""

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """How one check ended."""

    OK = "ok"
    FAILED = "failed"
    #: not tried, since it could not be or another one failed
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried: what it showed, or what is wrong and what to do."""

    name: str
    mark: Mark
    said: str
    #: how long it took, rest of the BMC included; None if it was not tried
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTest:
    """Every check of one node, in the order in which they were made."""

    node: str
    ok: bool
    checks: tuple[Check, ...]
