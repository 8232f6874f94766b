"""What a simulation comes to: our makespan beside the bound and FIFO's, waits, and predictions."""

from dataclasses import dataclass
from statistics import median

from orchestrator.lab.simulation.bound import lower_bound
from orchestrator.lab.simulation.play import EPOCH, Fifo, in_turn, play
from orchestrator.lab.simulation.workload import Asked, Workload, workload
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Ledger
from orchestrator.model.scheduling.board import Board
from orchestrator.model.scheduling.purse import Purse
from orchestrator.model.scheduling.rehearsal import rehearse
from orchestrator.model.scheduling.spans import Outlook
from orchestrator.model.scheduling.yard import Yard

#: requests after the first ones whose starts are predicted
_PREDICTED = 6
#: a shorter wait is not worth a prediction
_WORTH = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Times in seconds; `utilisation` and `start_error` are shares."""

    cells: int
    nodes: int
    seed: int
    makespan: float
    lower_bound: float
    fifo_makespan: float
    #: the longest wait of a request for one cell
    max_wait_small: float
    fifo_max_wait_small: float
    utilisation: float
    fifo_utilisation: float
    #: median over cells that waited: how far off the predicted start was, by the wait; None
    #: when nobody waited
    start_error: float | None


def simulate(cells: int, nodes: int, seed: int) -> Simulation:
    """Return what our scheduler and FIFO make of the same workload."""
    load = workload(cells, nodes, seed)
    oracle = Oracle(load)
    ours = play(load, _board(load), in_turn, oracle.watch)
    fifo = Fifo()
    plain = play(load, _board(load), fifo, fifo.watch)
    waited = [(oracle.said[a], ours.started[a], ours.asked[a]) for a in oracle.said]
    errors = [abs(s - t) / (t - at) for s, t, at in waited if t - at >= _WORTH]
    return Simulation(
        cells=len(ours.ended),
        nodes=nodes,
        seed=seed,
        makespan=round(ours.makespan, 1),
        lower_bound=round(lower_bound(load, _board(load).yard), 1),
        fifo_makespan=round(plain.makespan, 1),
        max_wait_small=round(ours.longest_wait(), 1),
        fifo_max_wait_small=round(plain.longest_wait(), 1),
        utilisation=round(ours.used / (nodes * ours.makespan), 4),
        fifo_utilisation=round(plain.used / (nodes * plain.makespan), 4),
        start_error=round(median(errors), 4) if errors else None,
    )


class Oracle:
    """Says of requests, when they are made, when their cells will start: by a rehearsal.

    It knows what cells usually take, not what these will, and what others ask for on other days.
    """

    def __init__(self, load: Workload) -> None:
        """Choose the requests: all at the beginning, and some later ones, evenly spread."""
        later = [asked for asked in load.requests if asked.at > 0]
        self._every = max(1, len(later) // _PREDICTED)
        self._expected = load.expected
        self._seen = 0
        #: seconds since the beginning
        self.said: dict[AttemptId, float] = {}

    def watch(self, board: Board, news: list[Asked], now: float) -> None:
        """Predict the starts of what was asked for just now, if it is one of those."""
        self._seen += 1
        if self._seen % self._every != 1 % self._every:
            return
        new = {item.attempt for asked in news for item, _ in asked.cells}
        coming = [
            (asked.at + EPOCH, [item for item, _ in asked.cells])
            for asked in reversed(self._expected)
            if asked.at + EPOCH > now
        ]
        starts = rehearse(board, now, coming, new)
        self.said.update((a, starts[a] - EPOCH) for a in new if a in starts)


def _board(load: Workload) -> Board:
    return Board(
        Yard(load.nodes, Outlook(spans=load.spans, arrivals=load.arrivals)), Purse(Ledger())
    )
