"""Whether a node's serial-over-LAN opens at all: tried once, and nothing kept."""

import tempfile
from pathlib import Path

from orchestrator.model.errors import InfraError
from orchestrator.model.node import Node
from orchestrator.ports.clock import Deadline
from orchestrator.ports.console import Console

#: seconds that a session may take to come about; the recorder tries again by itself
_PATIENCE = 20.0
_GLANCE = 0.1
#: what the recorder writes into its file
_CONNECTED, _LOST = "[console connected]", "[console lost: "


class SolTrial:
    """Opens a console as a recording would."""

    def __init__(self, console: Console) -> None:
        """Take what records serial-over-LAN."""
        self._console = console

    def try_out(self, node: Node, deadline: Deadline) -> None:
        """Open the node's console and close it; raise `InfraError` with the reason if it fails."""
        limit = deadline.within(_PATIENCE, f"opening the console of {node.name}")
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "console.log"))
            with self._console.capture(node, path, limit.check):
                self._await(node, path, limit)

    def _await(self, node: Node, path: str, limit: Deadline) -> None:
        while True:
            lines = self._console.tail(path, 50)
            if _CONNECTED in lines:
                return
            lost = [line for line in lines if line.startswith(_LOST)]
            if lost:
                where = f"{node.name}: the console at {node.bmc.address}:{node.bmc.serial}"
                said = lost[-1].removeprefix(_LOST).rstrip("]")
                advice = "is serial-over-LAN enabled at the BMC, and for this user?"
                raise InfraError(f"{where} does not open: {said}; {advice}", node=node.name)
            limit.sleep(_GLANCE)
