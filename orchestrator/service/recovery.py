"""Recovery: a machine that we took out of service because its BMC failed comes back by itself.

Nothing else does: what a person took out, or what is out for what it did, a person brings back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from orchestrator.model.errors import Occupied, SmoketestError
from orchestrator.model.node import Cause, Node, NodeState, NodeStatus
from orchestrator.ports.clock import Clock, Deadline
from orchestrator.ports.engine import Engine
from orchestrator.ports.power import Power
from orchestrator.ports.store import Nodes

#: answers in a row that bring a machine back
ANSWERS: Final = 3
#: seconds for one answer, with all its tries
PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Probes BMCs, without ever switching anything; begins to count anew after a restart."""

    clock: Clock
    nodes: Nodes
    engine: Engine
    #: the lab's machines, by name
    machines: Mapping[str, Node]
    #: drivers that ask BMCs and nobody else: that a power strip answers says nothing of a BMC
    power: Mapping[str, Power]
    #: how often in a row each answered since it was taken out
    _answers: dict[tuple[str, datetime], int] = field(default_factory=dict)

    def due(self) -> tuple[NodeStatus, ...]:
        """Return the nodes that are out of service for their BMC, and that nobody has."""
        return tuple(status for status in self.nodes.all() if _recoverable(status))

    def probe(self, status: NodeStatus) -> None:
        """Read the node's power state; after enough answers in a row it is in service again."""
        node = self.machines.get(status.name)
        if node is None or status.since is None:
            return
        key = (status.name, status.since)
        if not self._answered(node):
            self._answers.pop(key, None)
            return
        self._answers[key] = self._answers.get(key, 0) + 1
        if self._answers[key] < ANSWERS:
            return
        del self._answers[key]
        reason = (
            f"back in service: its BMC answered {ANSWERS} times in a row (was: {status.reason})"
        )
        if self.nodes.recover(status.name, status.since, reason, self.clock.now()):
            self.engine.wake()

    def _answered(self, node: Node) -> bool:
        try:
            self.power[node.power].is_on(node, self._deadline(node))
        except SmoketestError:
            return False
        return True

    def _deadline(self, node: Node) -> Deadline:
        """Return what ends the probe of a machine that is not ours to probe any more."""

        def guard() -> None:
            if node.name not in {status.name for status in self.due()}:
                raise Occupied(f"{node.name} has another standing meanwhile", node=node.name)

        return Deadline(self.clock, PATIENCE, guard, "the probe")


def _recoverable(status: NodeStatus) -> bool:
    ours = status.state is NodeState.QUARANTINED and status.cause is Cause.BMC
    return ours and not status.holder
