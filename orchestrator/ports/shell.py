"""One command on an installed node."""

from typing import Protocol

from orchestrator.model.node import Access
from orchestrator.ports.clock import Deadline


class Shell(Protocol):
    """SSH with the host key that the node called home with, and no other."""

    def run(self, access: Access, key: str, command: str, deadline: Deadline) -> str:
        """Return the command's standard output, stripped.

        Raises `Unreachable` when the node does not answer, shows another host key, refuses the
        key file `key`, or the command fails.
        """
        ...
