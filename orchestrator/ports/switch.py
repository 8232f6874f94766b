"""The switch behind the machines' data cards: a segment of its own for each lease."""

from collections.abc import Sequence
from typing import Protocol

from orchestrator.ports.clock import Deadline


class Switch(Protocol):
    """Puts ports onto segments; whoever has the machine has the port."""

    def join(self, ports: Sequence[str], deadline: Deadline) -> str:
        """Put the ports onto one segment that no other port is on; return what to call it.

        It is read back. The segment is the first port's own, so that two leases, which share no
        machine, share no segment. Raises `InfraError` if the switch does not do it.
        """
        ...
