"""What no scheduler can beat, even one that knows all beforehand."""

from collections import defaultdict
from collections.abc import Mapping

from orchestrator.lab.simulation.workload import Workload
from orchestrator.model.scheduling.pressure import pressure
from orchestrator.model.scheduling.yard import Mask, Yard

#: moments from which on the work that is still to come is looked at
_MOMENTS = 40


def lower_bound(load: Workload, yard: Yard) -> float:
    """Return seconds before which the work cannot be over.

    What is asked for at or after any moment, and can be done only by a set of machines, keeps
    these so long after that moment; and no cell is over before it was asked for and done.
    """
    times = sorted({asked.at for asked in load.requests})
    moments = times[:: max(1, len(times) // _MOMENTS)]
    longest = max(asked.at + took for asked in load.requests for _, took in asked.cells)
    return max([longest, *(moment + _least(_work(load, yard, moment), yard) for moment in moments)])


def _work(load: Workload, yard: Yard, since: float) -> dict[Mask, float]:
    work: dict[Mask, float] = defaultdict(float)
    for asked in load.requests:
        for item, took in asked.cells if asked.at >= since else ():
            for need in item.needs:
                work[yard.fitting(need.capabilities)] += took
    return work


def _least(work: Mapping[Mask, float], yard: Yard) -> float:
    """Return the most work that any set of needs has for each machine that can do any of it.

    Any set gives a bound that holds. The ones tried are those whose machines have most to do when
    the work is spread evenly: with all of it spread, the tightest is among them.
    """
    levels = pressure(work, yard).levels
    heights = {need: min(levels[i] for i in range(len(levels)) if need >> i & 1) for need in work}
    best = seconds = 0.0
    machines: Mask = 0
    for need in sorted(work, key=lambda need: -heights[need]):
        seconds, machines = seconds + work[need], machines | need
        best = max(best, seconds / machines.bit_count())
    return best
