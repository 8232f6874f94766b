"""How contested each machine is: what keeps the scarce ones for those who need them.

The work that waits is spread over the machines that can do it so that no machine has more before it
than it must (the most even flow, by letting one kind of need after the other fill up its lowest
machines, which converges). Who then stands in line for a machine of a high level should not be
disturbed by those who could as well use one of a lower level.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.scheduling.yard import Mask, Yard, bits

_ROUNDS = 12
#: levels that differ by less than this share (or so many seconds) are taken for equal
_SHARE = 0.005
_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressure:
    """Seconds of work that wait for each machine, when it is spread as evenly as it can be."""

    #: by machine
    levels: tuple[float, ...]
    #: by kind of need (the machines that fit it): those that it should use
    proper: Mapping[Mask, Mask]
    #: sets of machines, the first to be used first
    tiers: tuple[Mask, ...]


def pressure(work: Mapping[Mask, float], yard: Yard) -> Pressure:
    """Return the pressure of so many machine-seconds of work for each kind of need."""
    # What is spread first gets a little more than its even share: the least choosy, always.
    widest = sorted(work.items(), key=lambda need: (-need[0].bit_count(), need[0]))
    wanted = {mask: seconds for mask, seconds in widest if mask}
    kinds = _kinds(list(wanted), yard)
    load = _spread(wanted, kinds)
    levels = [0.0] * len(yard.nodes)
    for kind, size in kinds.items():
        for index in bits(kind):
            levels[index] = load[kind] / size
    proper = {mask: _proper(mask, levels) for mask in wanted}
    return Pressure(levels=tuple(levels), proper=proper, tiers=_tiers(levels, yard))


def _kinds(needs: Sequence[Mask], yard: Yard) -> dict[Mask, int]:
    """Return the sets of machines that fit exactly the same needs, and their sizes."""
    alike: dict[tuple[bool, ...], Mask] = defaultdict(int)
    for index in range(len(yard.nodes)):
        alike[tuple(bool(need >> index & 1) for need in needs)] |= 1 << index
    return {mask: mask.bit_count() for mask in alike.values()}


def _spread(wanted: Mapping[Mask, float], kinds: Mapping[Mask, int]) -> dict[Mask, float]:
    load = dict.fromkeys(kinds, 0.0)
    share: dict[tuple[Mask, Mask], float] = {}
    can_use = {need: [kind for kind in kinds if kind & need] for need in wanted}
    for _ in range(_ROUNDS):
        for need, seconds in wanted.items():
            for kind in can_use[need]:
                load[kind] -= share.get((need, kind), 0.0)
            level = _water(
                seconds, [(load[kind] / kinds[kind], kinds[kind]) for kind in can_use[need]]
            )
            for kind in can_use[need]:
                part = max(0.0, level * kinds[kind] - load[kind])
                share[need, kind] = part
                load[kind] += part
    return load


def _water(amount: float, vessels: Sequence[tuple[float, int]]) -> float:
    """Return how high so much water stands in vessels with (bottom, width)."""
    width, level = 0, 0.0
    for bottom, size in sorted(vessels):
        if width and level + amount / width <= bottom:
            break
        amount -= width * (bottom - level)
        width, level = width + size, bottom
    return level + amount / width if width else 0.0


def _proper(need: Mask, levels: Sequence[float]) -> Mask:
    here = [(levels[index], index) for index in bits(need)]
    most = min(here)[0] * (1 + _SHARE) + _SECONDS
    return sum(1 << index for level, index in here if level <= most)


def _tiers(levels: Sequence[float], yard: Yard) -> tuple[Mask, ...]:
    """Return the machines by trust, then by how contested they are, then the least able first."""
    found: dict[tuple[int, int, int], Mask] = defaultdict(int)
    step = max(max(levels, default=0.0) * _SHARE, 1.0)
    for index, node in enumerate(yard.nodes):
        key = (node.marks, round(levels[index] / step), len(node.capabilities))
        found[key] |= 1 << index
    return tuple(found[key] for key in sorted(found))
