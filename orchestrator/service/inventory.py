"""The inventory: machines taken out of service and brought back by a person."""

from dataclasses import dataclass

from orchestrator.model.node import NodeState
from orchestrator.ports.clock import Clock
from orchestrator.ports.engine import Engine
from orchestrator.ports.store import Attestations, Nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Acts on nodes; what a person decides here, nothing but a person undoes."""

    clock: Clock
    nodes: Nodes
    attestations: Attestations
    engine: Engine

    def drain(self, node: str, reason: str) -> None:
        """Take a node out of service when its present lease ends; we never bring it back."""
        self.nodes.set_state(node, NodeState.DRAINED, reason or "drained", self.clock.now())

    def restore(self, node: str) -> None:
        """Bring a node back into service as it is: its marks and what it was are forgotten."""
        self.attestations.forget(node)
        self.nodes.set_state(node, NodeState.IN_SERVICE, "", self.clock.now())
        self.engine.wake()
