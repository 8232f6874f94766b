"""Finding BMCs in a network that nobody has described yet."""

from collections.abc import Callable
from typing import Protocol

from orchestrator.model.discovery import Finding, Search


class Discovery(Protocol):
    """Asks addresses whether a BMC answers there."""

    def search(self, search: Search, tell: Callable[[int, Finding | None], None]) -> None:
        """Ask every address once, `search.at_once` at a time; return when all are done.

        `tell` is called after each address with how many are done, and what was found there.
        Without a login nothing is sent but questions that every BMC answers to anybody.
        """
        ...
