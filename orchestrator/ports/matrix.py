"""Windows of the matrix, however large it is."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.model.grid import Head, Outcome, Pending, Wanted, Words
from orchestrator.model.ids import RunId


class Matrix(Protocol):
    """Reads parts of the store as wide as what is shown."""

    def columns(
        self, wanted: Wanted, first: int, count: int, *, by_commit: bool
    ) -> tuple[Head, ...]:
        """Return up to `count` columns from number `first`, the newest first."""
        ...

    def count(self, wanted: Wanted, *, by_commit: bool) -> int:
        """Return how many columns there are."""
        ...

    def outcomes(self, runs: Sequence[RunId]) -> tuple[Outcome, ...]:
        """Return what the settled cells of these runs came to, in no order."""
        ...

    def words(self) -> Words:
        """Return the repositories, branches and people that there are, the newest first."""
        ...

    def pending(self) -> Pending:
        """Return what runs, and why the rest waits."""
        ...
