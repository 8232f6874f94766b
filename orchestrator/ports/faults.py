"""Faults of simulated and emulated nodes, set from outside while they run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFault:
    """A fault on one node: its kind, how likely each action meets it (0 to 1), until when."""

    node: str
    kind: str
    chance: float = 1.0
    until: datetime | None = None


class Faults(Protocol):
    """The lab's fault board."""

    def kinds(self) -> tuple[str, ...]:
        """Return the names of the faults that can be set."""
        ...

    def set(self, fault: NodeFault) -> None:
        """Set a fault; raise `NotFound` for an unknown node or kind."""
        ...

    def clear(self, node: str) -> None:
        """Make a node behave again."""
        ...

    def all(self) -> tuple[NodeFault, ...]:
        """Return every fault that is set."""
        ...
