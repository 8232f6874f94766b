"""The files that attempts leave behind: logs, reports, consoles."""

from typing import Protocol

from orchestrator.model.ids import AttemptId


class Files(Protocol):
    """Reads what is kept of an attempt; secrets were masked when it was written."""

    def names(self, attempt: AttemptId) -> tuple[str, ...]:
        """Return the kept files' names, relative to the attempt's folder, sorted."""
        ...

    def size(self, attempt: AttemptId, name: str) -> int:
        """Return how many bytes the file has now; raise `NotFound` outside the folder."""
        ...

    def read(self, attempt: AttemptId, name: str, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes from `offset`; raise `NotFound` outside the folder."""
        ...
