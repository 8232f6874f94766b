"""What Jenkins clients asked for."""

from collections.abc import Mapping
from typing import Protocol

from orchestrator.model.ids import RunId
from orchestrator.model.job import Item


class Items(Protocol):
    """Builds that Jenkins clients asked for, kept for good, and jobs that they described."""

    def put(self, item: Item) -> Item:
        """Store the item and return it, or the one that its run has."""
        ...

    def find(self, run: RunId) -> Item | None:
        """Return the item of a run, or None."""
        ...

    def of_job(self, job: str, limit: int) -> tuple[Item, ...]:
        """Return the newest items of a job, or of all jobs if it is empty."""
        ...

    def describe(self, job: str, xml: str) -> None:
        """Keep the description of a job; an empty one removes it."""
        ...

    def described(self) -> Mapping[str, str]:
        """Return the jobs that were described, with their descriptions."""
        ...
