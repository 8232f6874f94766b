"""About when each who waits will start: the queue poured over the machines in its order.

Not a simulation: work is taken for a liquid that fills machines up as they become free, so that ten
thousand who wait cost a fraction of a second.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Waiting
from orchestrator.model.request import Lane
from orchestrator.model.scheduling.board import Board
from orchestrator.model.scheduling.line import PROMOTED, Shape
from orchestrator.model.scheduling.yard import Mask, bits

#: the share of the machines' time that gangs can use: they wait for each other
PACKED: Final = 0.95
#: what one machine's cells gain on the widest gangs by filling gaps
NARROW: Final = 0.6
#: newcomers never take more than this share of the machines from who waits already
_MOST_TAKEN: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an attempt stands in the queue."""

    item: Waiting
    shape: Shape
    #: seconds, as the board counts them; None if no machine in service can do it
    start: float | None
    #: who comes before it and wants the same machines, the last such; empty: nobody
    behind: AttemptId | None


class _Pool:
    """Machines that are used alike, as vessels whose bottoms are when they become free."""

    def __init__(self, free_at: Sequence[float], arrivals: float, now: float) -> None:
        self._bottoms = sorted(free_at)
        self._work = 0.0
        self._width, self._below = 0, 0.0
        self._arrivals, self._now = min(arrivals, _MOST_TAKEN * len(free_at)), now

    def surface(self, *, newcomers: bool) -> float:
        """Return when the work that was poured in is done, as if it were spread evenly.

        With `newcomers`, what others will ask for until then goes before it.
        """
        while self._width < len(self._bottoms):
            bottom = self._bottoms[self._width]
            if self._width and self._work + self._below <= bottom * self._width:
                break
            self._width, self._below = self._width + 1, self._below + bottom
        level = (self._work + self._below) / self._width
        if not newcomers or level <= self._now:
            return level
        rest = self._width - min(self._arrivals, _MOST_TAKEN * self._width)
        return self._now + (level - self._now) * self._width / rest

    def pour(self, seconds: float) -> None:
        self._work += seconds / PACKED


def places(board: Board, now: float) -> tuple[Place, ...]:
    """Return where everybody stands, in about the order of service."""
    pools, pool_of = _pools(board, now)
    last: dict[int, AttemptId] = {}
    found = []
    for shape, item, first in _in_order(board):
        gang = board.yard.gang(shape)
        if not gang.fits(board.yard.everything):
            found.append(Place(item=item, shape=shape, start=None, behind=None))
            continue
        here = [pool_of[mask] for mask in _needs(board, shape)]
        passed = not first and item.lane is not Lane.ASKED
        surfaces = (pools[number].surface(newcomers=passed) for number in here)
        start = max(surfaces, default=now)
        scarcest = here[gang.order[0]] if here else -1
        found.append(
            Place(item=item, shape=shape, start=max(start, now), behind=last.get(scarcest))
        )
        for number in here:
            pools[number].pour(gang.span.usual)
            last[number] = item.attempt
    return tuple(found)


def _needs(board: Board, shape: Shape) -> list[Mask]:
    return [board.yard.fitting(need.capabilities) for need in shape.needs]


def _in_order(board: Board) -> Iterator[tuple[Shape, Waiting, bool]]:
    """Yield everybody by when their owner's tag comes up, and whether it is their owner's first."""
    keyed = []
    for number, owner in enumerate(sorted(board.line.owners())):
        tag = board.purse.tag(owner)
        for place, (shape, item) in enumerate(_merged(board.line.of(owner))):
            keyed.append(((not owner.startswith(PROMOTED), tag, number), shape, item, not place))
            seconds = board.yard.outlook.spans.of(shape.arch).usual * len(shape.needs)
            tag += board.purse.price(owner, seconds)
    keyed.sort(key=lambda entry: entry[0])
    yield from ((shape, item, first) for _, shape, item, first in keyed)


def _merged(entries: Sequence[tuple[bool, Shape, Waiting]]) -> list[tuple[Shape, Waiting]]:
    """Return an owner's attempts in the order in which they start, rather than come up.

    Small requests go first. Of large ones, each shape gets on at its own pace: narrow ones fill the
    gaps that wide ones leave, and so come to their end earlier.
    """
    counts = Counter(shape for small, shape, _ in entries if not small)
    seen: Counter[Shape] = Counter()
    keyed = []
    for number, (small, shape, item) in enumerate(entries):
        pace = 1 - NARROW / max(len(shape.needs), 1)
        share = -1.0 if small else pace * (seen[shape] + 0.5) / counts[shape]
        seen[shape] += not small
        keyed.append(((share, number), shape, item))
    return [(shape, item) for _, shape, item in sorted(keyed, key=lambda entry: entry[0])]


def _pools(board: Board, now: float) -> tuple[list[_Pool], dict[Mask, int]]:
    """Return pools of machines that have equally much before them, and each need's pool."""
    proper = board.pressure().proper
    together: list[Mask] = []
    for mask in sorted(proper.values(), key=int.bit_count):
        apart = [other for other in together if not other & mask]
        joined = mask
        for other in together:
            joined |= other if other & mask else 0
        together = [*apart, joined]
    free_at = board.yard.available(now)
    each = board.yard.outlook.arrivals / max(len(board.yard.nodes), 1)
    pools = [
        _Pool([free_at[index] for index in bits(mask)], each * mask.bit_count(), now)
        for mask in together
    ]
    pool_of = {
        need: next(n for n, mask in enumerate(together) if mask & used)
        for need, used in proper.items()
    }
    return pools, pool_of
