"""Each suite is run by the driver that knows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.model.result import TestResult
from orchestrator.ports.clock import Deadline
from orchestrator.ports.smoke import Smoke, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSmoke:
    """Runs suites of these names by a driver of their own, and all others by the usual one."""

    usual: Smoke
    others: Mapping[str, Smoke]

    def run(
        self, suite: Suite, progress: Callable[[str], None], deadline: Deadline
    ) -> tuple[TestResult, ...]:
        """Return every test's outcome, as the suite's own driver does."""
        driver = self.others.get(suite.suite, self.usual)
        return driver.run(suite, progress, deadline)
