"""Places for work that this host's processors, not the lab's machines, are the limit of."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Slots(Protocol):
    """A fixed number of places, given in the order of asking."""

    def take(self, guard: Callable[[], None]) -> AbstractContextManager[None]:
        """Wait for a place and hold it for the context; `guard` may end the wait by raising."""
        ...
