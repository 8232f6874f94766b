"""What one orchestrator knows from its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.arch import Arch
from orchestrator.model.node import Node
from orchestrator.model.partner import Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Nodes and archs by name, and whose code may run on simulated nodes."""

    nodes: Mapping[str, Node]
    archs: Mapping[str, Arch]
    #: repositories whose code may run on simulated nodes, as their aliases or addresses
    trusted: frozenset[str] = frozenset()
    #: the operator lets any repository's code run on simulated nodes
    trust_code: bool = False
    partners: Mapping[str, Contract] = field(default_factory=dict)

    def takers(self) -> dict[str, frozenset[str]]:
        """Return which archs each partner takes: what requires hardware, only if it has some."""
        return {
            name: frozenset(
                job
                for job in contract.jobs
                if contract.hardware or not (job in self.archs and self.archs[job].hardware)
            )
            for name, contract in self.partners.items()
        }
