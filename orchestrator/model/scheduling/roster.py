"""The line from pass to pass: of ten thousand who wait, few come or go between two of them."""

from collections.abc import Iterable, Sequence

from orchestrator.model.ids import AttemptId, RunId, run_of
from orchestrator.model.lease import Waiting
from orchestrator.model.scheduling.line import Line


class Roster:
    """Remembers the line of one pass, and makes it that of the next.

    It changes nothing but time: the line is the one that would be built of the queue from nothing.
    An attempt whose `Waiting` is the very same object is taken for unchanged.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._line = Line()
        #: who is in the line; None for who was taken out of it
        self._known: dict[AttemptId, Waiting | None] = {}

    def take(self, queue: Sequence[Waiting]) -> Line:
        """Return the queue's line, and forget it: what becomes of it is for `put_back`."""
        line, known = self._line, self._known
        self._line, self._known = Line(), {}
        gone = known.keys() - {item.attempt for item in queue}
        changed = {run_of(attempt) for attempt in gone}
        changed |= _runs(item for item in queue if known.get(item.attempt) is not item)
        # how many cells a request has left says when its cells are due: all of them move
        line.drop(changed)
        line.add([item for item in queue if run_of(item.attempt) in changed] if changed else ())
        return line

    def put_back(self, line: Line, queue: Sequence[Waiting], served: Iterable[AttemptId]) -> None:
        """Keep the line, out of which those who were served are gone."""
        self._line = line
        self._known = {item.attempt: item for item in queue}
        self._known.update(dict.fromkeys(served))


def _runs(items: Iterable[Waiting]) -> set[RunId]:
    return {run_of(item.attempt) for item in items}
