"""When each who waits will start, played through as if everything took what it usually takes.

More exact than the pouring of `forecast`, since the scheduler itself decides, and dearer: one or
two milliseconds for each who waits.
"""

from collections.abc import Collection, Sequence
from heapq import heappop, heappush

from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Waiting
from orchestrator.model.scheduling.board import Board

#: (when, what is asked for then): the last comes first
Expected = Sequence[tuple[float, Sequence[Waiting]]]


def rehearse(
    board: Board,
    now: float,
    expected: Expected | None = None,
    wanted: Collection[AttemptId] | None = None,
) -> dict[AttemptId, float]:
    """Return when whom of the queue will start; the board stays as it is.

    With `expected`, others ask in the meantime. With `wanted`, it ends when these have started.
    Who is not in the answer cannot start on the machines in service.
    """
    stage = board.copy()
    coming = list(expected or ())
    ending: list[tuple[float, int]] = []
    times = stage.yard.available(now)
    for index in stage.yard.busy:
        heappush(ending, (times[index], index))
    starts: dict[AttemptId, float] = {}
    left = set(wanted) if wanted is not None else None
    while True:
        for given in stage.run(now, ahead=False):
            starts[given.item.attempt] = now
            took = stage.yard.outlook.spans.of(given.item.arch).usual
            for index in given.nodes:
                heappush(ending, (now + took, index))
        if (left is not None and left <= starts.keys()) or not (stage.line and (ending or coming)):
            return starts
        now = _next(stage, ending, coming)


def _next(
    stage: Board, ending: list[tuple[float, int]], coming: list[tuple[float, Sequence[Waiting]]]
) -> float:
    """Let the next thing happen, with all that happens at the same time; return when that is."""
    now = min([*(end[0] for end in ending[:1]), *(at for at, _ in coming[-1:])])
    while ending and ending[0][0] <= now:
        stage.yard.vacate(heappop(ending)[1])
    while coming and coming[-1][0] <= now:
        stage.add(coming.pop()[1])
    return now
