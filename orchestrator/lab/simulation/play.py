"""Plays a workload: time jumps from one event to the next, and each time somebody decides."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from orchestrator.lab.simulation.workload import BEGIN, Asked, Workload
from orchestrator.model.ids import AttemptId, run_of
from orchestrator.model.lease import Waiting
from orchestrator.model.scheduling.board import Board, Given
from orchestrator.model.scheduling.line import shape_of

#: the beginning, as the board counts seconds
EPOCH: Final = BEGIN.timestamp()

#: makes grants on a board at a moment
Decide = Callable[[Board, float], list[Given]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """When what started and ended; seconds since the beginning."""

    asked: dict[AttemptId, float] = field(default_factory=dict)
    started: dict[AttemptId, float] = field(default_factory=dict)
    ended: dict[AttemptId, float] = field(default_factory=dict)
    machines: dict[AttemptId, tuple[int, ...]] = field(default_factory=dict)
    small: frozenset[int] = frozenset()

    @property
    def makespan(self) -> float:
        """Return when all was over."""
        return max(self.ended.values(), default=0.0)

    @property
    def used(self) -> float:
        """Return the machine-seconds for which machines were given."""
        return sum(
            (self.ended[a] - self.started[a]) * len(nodes) for a, nodes in self.machines.items()
        )

    def longest_wait(self) -> float:
        """Return the longest wait of a request for one cell."""
        waits = (self.started[a] - at for a, at in self.asked.items() if run_of(a) in self.small)
        return max(waits, default=0.0)


#: told what was asked for just now, before anything is decided on it
Watch = Callable[[Board, list[Asked], float], None]


def play(load: Workload, board: Board, decide: Decide, watch: Watch | None = None) -> Played:
    """Return what happened."""
    small = frozenset(run_of(r.cells[0][0].attempt) for r in load.requests if len(r.cells) == 1)
    played = Played(small=small)
    takes = {item.attempt: took for asked in load.requests for item, took in asked.cells}
    ending: list[tuple[float, AttemptId]] = []
    coming = list(reversed(load.requests))
    while ending or coming:
        now = min([*(e[0] for e in ending[:1]), *(asked.at for asked in coming[-1:])])
        _end(board, played, ending, now)
        news = _ask(board, played, coming, now)
        if watch and news:
            watch(board, news, now + EPOCH)
        for given in decide(board, now + EPOCH):
            attempt = given.item.attempt
            played.started[attempt] = now
            played.machines[attempt] = given.nodes
            heappush(ending, (now + takes[attempt], attempt))
    return played


def _end(board: Board, played: Played, ending: list[tuple[float, AttemptId]], now: float) -> None:
    while ending and ending[0][0] <= now:
        at, attempt = heappop(ending)
        played.ended[attempt] = at
        for index in played.machines[attempt]:
            board.yard.vacate(index)


def _ask(board: Board, played: Played, coming: list[Asked], now: float) -> list[Asked]:
    """Queue what is asked for by now, and return it."""
    news = []
    while coming and coming[-1].at <= now:
        news.append(coming.pop())
        items = [item for item, _ in news[-1].cells]
        played.asked.update((item.attempt, now) for item in items)
        board.add(items)
    return news


def in_turn(board: Board, now: float) -> list[Given]:
    """Decide as the scheduler does."""
    return board.run(now, ahead=False)


class Fifo:
    """Decides as most labs do: in the order of asking, and nobody passes the first."""

    def __init__(self) -> None:
        """Begin with an empty queue."""
        self._queue: deque[Waiting] = deque()

    def watch(self, _board: Board, news: list[Asked], _now: float) -> None:
        """Queue what was asked for."""
        self._queue.extend(item for asked in news for item, _ in asked.cells)

    def __call__(self, board: Board, now: float) -> list[Given]:
        """Serve the queue from its front."""
        given = []
        yard = board.yard
        while self._queue:
            item = self._queue[0]
            gang = yard.gang(shape_of(item))
            if not gang.fits(yard.free):
                break
            nodes = yard.pick(gang, yard.free, (yard.everything,), item.attempt) or ()
            for index in nodes:
                yard.occupy(index, now, item.arch)
            given.append(Given(item=self._queue.popleft(), nodes=nodes, fills_gap=False))
        return given
