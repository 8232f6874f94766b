"""The history as it is looked back on: of an arch, of a machine."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from orchestrator.model.health import Record, Tenure
from orchestrator.model.ids import AttemptId, RunId


class Pasts(Protocol):
    """Reads what an arch or a machine has behind it; the work does not grow with the store."""

    def last_good(self, repo: str, arch: str, before: RunId) -> AttemptId | None:
        """Return the newest attempt before that run that the arch passed with, or None."""
        ...

    def results(self, archs: Sequence[str], runs: int) -> Mapping[str, Record]:
        """Return what attempts of each arch in the newest `runs` came to."""
        ...

    def tenures(self, node: str, limit: int) -> tuple[Tenure, ...]:
        """Return who had the machine, the newest first."""
        ...

    def used_since(self, since: datetime, limit: int) -> Mapping[str, tuple[Tenure, ...]]:
        """Return, by machine, who had it after then, the newest first; at most `limit` in all."""
        ...

    def holder(self, node: str) -> AttemptId | None:
        """Return who has the machine now, or None."""
        ...
