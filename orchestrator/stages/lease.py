"""Lease: who of the queue gets which machines now, and why the others wait.

A gang is placed whole or not at all. A gang that cannot be placed keeps the free machines that it
could use, so that it is not starved by smaller ones behind it; what it cannot use, they may have.
"""

from collections import Counter
from collections.abc import Sequence
from zlib import crc32

from orchestrator.model.ids import AttemptId, run_of
from orchestrator.model.lease import Candidate, Grant, Reason, Schedule, Situation, Waiting, Why
from orchestrator.model.placement import fits, listed, machines, missing, place
from orchestrator.model.request import Lane


def schedule(situation: Situation) -> Schedule:
    """Return the grants and the reasons for waiting."""
    nodes = situation.nodes
    free = {node.name: node for node in nodes if node.free}
    grants: list[Grant] = []
    waits: list[tuple[AttemptId, Why]] = []
    for waiting in _fair(situation.queue):
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


def _fair(queue: Sequence[Waiting]) -> list[Waiting]:
    """Return the queue in the order of service: by lane, and runs of a lane take turns."""
    seen: Counter[int] = Counter()
    keyed = []
    for item in queue:
        run = run_of(item.attempt)
        lane = list(Lane).index(item.lane)
        keyed.append(((item.priority, lane, seen[run], item.asked_at, run), item))
        seen[run] += 1
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0])]


def _exclusion(waiting: Waiting, nodes: Sequence[Candidate]) -> frozenset[str]:
    """Return the nodes to keep away from, or none when the lab is too small to be choosy."""
    others = [node for node in nodes if node.name not in waiting.exclude]
    return waiting.exclude if place(waiting.needs, others) else frozenset()


def _preferred(nodes: Sequence[Candidate], attempt: AttemptId) -> list[Candidate]:
    """Return trusted nodes first, then the least able (scarce ones stay free), then by lot."""
    return sorted(
        nodes, key=lambda n: (n.marks, len(n.capabilities), crc32(f"{attempt} {n.name}".encode()))
    )


def _reason(waiting: Waiting, nodes: Sequence[Candidate], excluded: frozenset[str]) -> Why:
    usable = [node for node in nodes if node.name not in excluded]
    if lacking := missing(waiting.needs, usable):
        text = f"no machine in service can do it: {lacking} in service; bring one back"
        return Why(reason=Reason.OUT_OF_SERVICE, text=text)
    for need in waiting.needs:
        fitting = [node for node in usable if fits(node, need)]
        free = sum(node.free for node in fitting)
        if free < sum(other.capabilities == need.capabilities for other in waiting.needs):
            wanted = listed(need.capabilities)
            text = f"waits for a machine with {wanted}: {free} of {len(fitting)} free"
            return Why(reason=Reason.BUSY, text=text)
    text = f"waits for {machines(len(waiting.needs))} at once"
    return Why(reason=Reason.BEHIND, text=text)
