"""The processes that share the work of a store."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker


class Workers(Protocol):
    """The processes that share the work; silence is measured by the store's own clock."""

    def beat(self, worker: Worker, walks: Iterable[AttemptId] | None = None) -> bool:
        """Say that the worker is alive, and renew the leases of what it walks.

        That is all that it took up last, if it does not say. Returns False if it was taken for dead
        meanwhile, or is new; it belongs to the living again from then on.
        """
        ...

    def bury(self, silent: timedelta, spared: Sequence[str] = ()) -> tuple[str, ...]:
        """Forget the workers that were silent for that long, and return their names.

        Those who are `spared` are let be.
        """
        ...

    def leave(self, name: str) -> None:
        """Forget a worker that ends in good order."""
        ...

    def all(self) -> tuple[Worker, ...]:
        """Return those that are alive, the longest first."""
        ...

    def lapsed(self, within: timedelta) -> tuple[tuple[AttemptId, str], ...]:
        """Return the leases that no living worker renews and whose term is over within that time.

        Each with the name of the dead worker that walked the attempt last, or an empty text.
        """
        ...
