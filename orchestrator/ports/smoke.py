"""Smoke suites against a deployed cloud."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.arch import Settings
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import TestResult
from orchestrator.ports.clock import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite to run for one attempt; the cloud is named by `clouds.yaml` in `folder`."""

    attempt: AttemptId
    #: folder below reference_archs/suites/
    suite: str
    #: which of its tests, in pytest's `-k` form; empty means all
    tests: str
    settings: Settings
    folder: str


class Smoke(Protocol):
    """Runs a suite."""

    def run(
        self, suite: Suite, progress: Callable[[str], None], deadline: Deadline
    ) -> tuple[TestResult, ...]:
        """Return every test's outcome; `progress` is told each test as it ends.

        Keeps `junit.xml` in the suite's folder. Raises `ConfigError` when the suite cannot be
        collected or selects no test, `OutOfTime` or what the guard raises otherwise.
        """
        ...
