"""What one orchestrator knows from its files."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.model.arch import Arch
from orchestrator.model.node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Nodes and archs by name, and whose code may run on simulated nodes."""

    nodes: Mapping[str, Node]
    archs: Mapping[str, Arch]
    #: repositories whose code may run on simulated nodes, as their aliases or addresses
    trusted: frozenset[str] = frozenset()
    #: the operator lets any repository's code run on simulated nodes
    trust_code: bool = False
