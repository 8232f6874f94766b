"""The processes that share the work of a store."""

from datetime import datetime, timedelta
from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker


class Workers(Protocol):
    """The processes that share the work; silence is measured by the store's own clock."""

    def beat(self, worker: Worker) -> bool:
        """Say that the worker is alive; return False if it was taken for dead meanwhile.

        (Or is new.) It belongs to the living again from then on.
        """
        ...

    def bury(self, silent: timedelta) -> tuple[str, ...]:
        """Forget the workers that were silent for that long, and return their names."""
        ...

    def leave(self, name: str) -> None:
        """Forget a worker that ends in good order."""
        ...

    def all(self) -> tuple[Worker, ...]:
        """Return those that are alive, the longest first."""
        ...

    def unwalked(self, before: datetime) -> tuple[tuple[AttemptId, str], ...]:
        """Return the attempts, granted before then, that no living worker walks.

        Each with the name of who walked it last, or an empty text.
        """
        ...
