"""What a freshly installed machine, and its BMC, say of themselves before they are trusted."""

from typing import Protocol, runtime_checkable

from orchestrator.model.attestation import BmcReport, SelfReport
from orchestrator.model.node import Access, Node
from orchestrator.ports.clock import Deadline


class Canary(Protocol):
    """Looks at an installed machine from inside; writes a small file there and removes it."""

    def look(self, access: Access, key: str, deadline: Deadline) -> SelfReport:
        """Return what the machine says, asked in one command with the key file `key`.

        Raises `Unreachable` when it does not answer, or not with what was asked for.
        """
        ...


@runtime_checkable
class Inspects(Protocol):
    """A power driver that can also tell what its BMC says of itself; not all BMCs can."""

    def inspect(self, node: Node, deadline: Deadline) -> BmcReport:
        """Return the power state, read now, and what else the BMC tells, in one conversation.

        Changes nothing. A fact that this BMC cannot tell is `UNTOLD`. Raises `PowerError`.
        """
        ...
