"""Network boot and unattended install, by one-time token."""

from typing import Protocol

from orchestrator.model.arch import Role
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access, Node
from orchestrator.ports.clock import Deadline
from orchestrator.ports.fence import harmless


class Boot(Protocol):
    """Offers an install to one node and hears it call home."""

    def offer(self, node: Node, role: Role, attempt: AttemptId, deadline: Deadline) -> None:
        """Make boot script and answers of the role's image ready for the node's network boot.

        A repeat for the same attempt changes nothing. Raises `ConfigError` when the rendered
        answers do not validate: the machine is not powered on for answers that cannot work.
        """
        ...

    @harmless
    def arrived(self, node: Node, attempt: AttemptId) -> Access | None:
        """Return how to log in once the installed node called home, else None."""
        ...

    @harmless
    def fetched(self, node: Node, attempt: AttemptId) -> tuple[str, ...]:
        """Return which of `script`, `kernel`, `initrd`, `answers` the node has fetched."""
        ...

    @harmless
    def offered(self, node: Node, attempt: AttemptId) -> str:
        """Return what the node is installed from: the image's name, or that of a copy of it.

        E.g. `debian-12` by its installer, `debian-12@0f3c` as a disk image.
        """
        ...

    @harmless
    def key(self, attempt: AttemptId) -> str:
        """Return the path (mode 0600) of the attempt's own SSH private key."""
        ...

    def withdraw(self, node: Node, attempt: AttemptId) -> None:
        """Forget the offer: the token is worth nothing from now on."""
        ...
