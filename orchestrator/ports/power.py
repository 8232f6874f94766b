"""Power and next boot device of one node."""

from typing import Protocol, runtime_checkable

from orchestrator.model.node import BootDevice, Node
from orchestrator.ports.clock import Deadline


class Power(Protocol):
    """A node's BMC, or what stands in for it.

    Every verb raises `PowerError`: `PowerDenied` when the login is refused, `PowerUnchanged` when
    the state that was set does not read back before the deadline.
    """

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return whether the node is powered, read now."""
        ...

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        """Power the node on or off at once; nothing is sent when it is so already."""
        ...

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        """Make the next power-on (only that one) boot from `device`."""
        ...


@runtime_checkable
class Senses(Protocol):
    """A power driver that can also read the BMC's sensors; not all BMCs have any."""

    def sensors(self, node: Node, deadline: Deadline) -> tuple[tuple[str, str], ...]:
        """Return each sensor that reads a value now, as its name and e.g. `42 °C`.

        Raises `PowerError`.
        """
        ...
