"""A node's serial console: the only witness of an install."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from orchestrator.model.node import Node
from orchestrator.ports.clock import Deadline
from orchestrator.ports.fence import harmless


class Console(Protocol):
    """Records what the machine prints."""

    def capture(
        self, node: Node, path: str, guard: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Append the console to the file `path` until the context ends; never raises for it.

        `guard` is asked before each session with the BMC, from another thread; what it raises ends
        the recording.
        """
        ...

    @harmless
    def tail(self, path: str, lines: int) -> tuple[str, ...]:
        """Return the last non-empty lines recorded in `path`, without control codes."""
        ...


class ConsoleTrial(Protocol):
    """Finds out whether a machine's console opens at all."""

    def try_out(self, node: Node, deadline: Deadline) -> None:
        """Open the console and close it; raise `InfraError` with the reason if it does not open."""
        ...
