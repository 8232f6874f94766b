"""Processes that a killed predecessor of ours left running."""

from typing import Protocol

from orchestrator.model.ids import AttemptId

#: environment variable that every process started for an attempt carries
COOKIE = "SMOKETEST_ATTEMPT"


def cookie(orchestrator: str, attempt: AttemptId) -> str:
    """Return the cookie's value: the orchestrator's own id, so that two on one host stay apart."""
    return f"{orchestrator}:{attempt}"


class Orphans(Protocol):
    """Finds processes by the attempt's cookie in their environment."""

    def end(self, attempt: AttemptId) -> int:
        """Kill every process started for `attempt`; return how many there were."""
        ...
