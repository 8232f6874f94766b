"""The order in which waiting attempts are served."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from orchestrator.model.ids import run_of
from orchestrator.model.lease import Waiting
from orchestrator.model.request import Lane

#: a person who waits goes before a merge, a merge before the night
PRIORITY: Final[Mapping[Lane, int]] = {Lane.ASKED: 0, Lane.MERGED: 10, Lane.NIGHTLY: 20}


def fair(waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Return the queue in the order of service; `waiting` has each run's cells in its plan's order.

    By priority; within one, every run's first waiting cell goes before any run's second, so that
    a request for one cell never waits behind all of a large one; then whoever asked first.
    """
    seen: Counter[tuple[int, int]] = Counter()
    keyed = []
    for item in waiting:
        run = run_of(item.attempt)
        turn = seen[item.priority, run]
        seen[item.priority, run] += 1
        keyed.append(((item.priority, turn, item.asked_at, run), item))
    return tuple(item for _, item in sorted(keyed, key=lambda pair: pair[0]))
