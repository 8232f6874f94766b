"""Lease: who of the queue gets which machines now, and why the others wait.

A gang is placed whole or not at all. A gang that cannot be placed keeps the free machines that it
could use, so that it is not starved by smaller ones behind it; what it cannot use, they may have.
"""

from collections.abc import Sequence
from zlib import crc32

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Candidate, Grant, Schedule, Waiting
from orchestrator.model.placement import fits, listed, machines, missing, place


def schedule(queue: Sequence[Waiting], nodes: Sequence[Candidate]) -> Schedule:
    """Return the grants and the reasons for waiting; `queue` is in the order of service."""
    free = {node.name: node for node in nodes if node.free}
    grants: list[Grant] = []
    waits: list[tuple[AttemptId, str]] = []
    for waiting in queue:
        excluded = _exclusion(waiting, nodes)
        usable = [node for node in free.values() if node.name not in excluded]
        placements = place(waiting.needs, _preferred(usable, waiting.attempt))
        if placements or not waiting.needs:
            grants.append(Grant(attempt=waiting.attempt, placements=placements))
            taken = {placement.node for placement in placements}
        else:
            waits.append((waiting.attempt, _reason(waiting, nodes, excluded)))
            taken = {n.name for n in usable if any(fits(n, need) for need in waiting.needs)}
        free = {name: node for name, node in free.items() if name not in taken}
    return Schedule(grants=tuple(grants), waits=tuple(waits))


def _exclusion(waiting: Waiting, nodes: Sequence[Candidate]) -> frozenset[str]:
    """Return the nodes to keep away from, or none when the lab is too small to be choosy."""
    others = [node for node in nodes if node.name not in waiting.exclude]
    return waiting.exclude if place(waiting.needs, others) else frozenset()


def _preferred(nodes: Sequence[Candidate], attempt: AttemptId) -> list[Candidate]:
    """Return trusted nodes first, then the least able (scarce ones stay free), then by lot."""
    return sorted(
        nodes, key=lambda n: (n.marks, len(n.capabilities), crc32(f"{attempt} {n.name}".encode()))
    )


def _reason(waiting: Waiting, nodes: Sequence[Candidate], excluded: frozenset[str]) -> str:
    usable = [node for node in nodes if node.name not in excluded]
    if lacking := missing(waiting.needs, usable):
        return f"no machine in service can do it: {lacking} in service; bring one back"
    for need in waiting.needs:
        fitting = [node for node in usable if fits(node, need)]
        free = sum(node.free for node in fitting)
        if free < sum(other.capabilities == need.capabilities for other in waiting.needs):
            wanted = listed(need.capabilities)
            return f"waits for a machine with {wanted}: {free} of {len(fitting)} free"
    return f"waits for {machines(len(waiting.needs))} at once"
