"""What drivers return: a play's outcome, a test's outcome, an endpoint to test."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One test's outcome; `message` is its first line when it is not green."""

    __test__ = False  # the field's word; pytest must not collect it

    name: str
    outcome: Outcome
    seconds: float
    message: str = ""
    #: of a red one: the requests that it sent to the cloud, as far as it tells, the newest first
    requests: tuple[str, ...] = ()
    #: of a red one: what the services logged about them
    excerpt: str = ""


class TaskOutcome(StrEnum):
    """How an Ansible play ended for one host."""

    OK = "ok"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """What a play did to one host; `task` and `message` tell where it stopped.

    `mistaken`: it stopped for a mistake in the play itself, which no machine can run.
    """

    host: str
    outcome: TaskOutcome
    changed: int = 0
    task: str = ""
    message: str = ""
    mistaken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayResult:
    """What a play did."""

    hosts: tuple[HostResult, ...]

    @property
    def ok(self) -> bool:
        """Return whether every host went through."""
        return all(host.outcome is TaskOutcome.OK for host in self.hosts)
