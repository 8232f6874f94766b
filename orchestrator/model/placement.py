"""Which nodes can play which roles: matching a gang's needs to machines."""

from collections.abc import Sequence

from orchestrator.model.arch import Arch
from orchestrator.model.lease import Candidate, Need, Placement


def needs(arch: Arch) -> tuple[Need, ...]:
    """Return one need per machine that the arch takes, in the order of its roles."""
    return tuple(
        Need(role=role.name, capabilities=role.needs, install=role.install)
        for role in arch.roles
        for _ in range(role.count)
    )


def place(needs: Sequence[Need], nodes: Sequence[Candidate]) -> tuple[Placement, ...]:
    """Return a node for every need, preferring earlier ones in `nodes`; empty if impossible.

    Augmenting paths (Kuhn 1955): a need that finds its node taken moves the taker if it can.
    """
    taken: dict[str, int] = {}

    def assign(index: int, seen: set[str]) -> bool:
        for node in nodes:
            if node.name in seen or not fits(node, needs[index]):
                continue
            seen.add(node.name)
            if node.name not in taken or assign(taken[node.name], seen):
                taken[node.name] = index
                return True
        return False

    if not all(assign(index, set()) for index in range(len(needs))):
        return ()
    by_need = {index: name for name, index in taken.items()}
    return tuple(Placement(role=need.role, node=by_need[i]) for i, need in enumerate(needs))


def missing(needs: Sequence[Need], nodes: Sequence[Candidate]) -> str:
    """Return what the lab lacks for `needs` even when all of it is free, or an empty text."""
    if not needs or place(needs, nodes):
        return ""
    for need in needs:
        fitting = sum(fits(node, need) for node in nodes)
        wanted = sum(other.capabilities == need.capabilities for other in needs)
        if fitting < wanted:
            return f"{machines(wanted)} with {listed(_rarest(need, nodes))} (it has {fitting})"
    return f"{machines(len(needs))} at once for the roles " + ", ".join(n.role for n in needs)


def _rarest(need: Need, nodes: Sequence[Candidate]) -> frozenset[str]:
    """Return the capabilities of `need` that no node has, or else all of them."""
    everywhere = frozenset[str]().union(*(node.capabilities for node in nodes))
    return (need.capabilities - everywhere) or need.capabilities


def fits(node: Candidate, need: Need) -> bool:
    """Return whether the node has all that the need asks for."""
    return need.capabilities <= node.capabilities


def machines(count: int) -> str:
    """Return `1 machine` or `N machines`."""
    return "1 machine" if count == 1 else f"{count} machines"


def listed(capabilities: frozenset[str]) -> str:
    """Return the capabilities as words, sorted."""
    return " and ".join(sorted(capabilities))
