"""The line that says how things stand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.node import NodeState, Provenance
from orchestrator.model.view import CellView

#: running cells that say nothing for longer are worth a look
QUIET = timedelta(minutes=15)
#: reasons that are told
MOST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """How many machines are free, leased and out of service."""

    free: int
    leased: int
    out: int
    #: what all of them are, or empty if they differ
    provenance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The answer to "is it stuck or queued?"."""

    word: str
    #: somebody should look
    alarming: bool
    running: int
    waiting: int
    machines: Machines
    #: when any running cell last said something, and the one that is silent for longest
    heard: datetime | None
    silent: CellView | None
    #: why cells wait, and how many for that reason, the most common first
    reasons: tuple[tuple[str, int], ...]


def pulse(
    running: Sequence[CellView],
    reasons: Sequence[tuple[str, int]],
    machines: Machines,
    now: datetime,
) -> Pulse:
    """Return how things stand: `reasons` are why cells wait, and how many for each."""
    waiting = sum(times for _, times in reasons)
    talking = sorted(
        (cell for cell in running if cell.updated), key=lambda cell: cell.updated or now
    )
    silent = talking[0] if talking and now - (talking[0].updated or now) > QUIET else None
    return Pulse(
        word=_word(bool(running), bool(waiting), silent),
        alarming=bool(silent) or (bool(waiting) and not running),
        running=len(running),
        waiting=waiting,
        machines=machines,
        heard=talking[-1].updated if talking else None,
        silent=silent,
        reasons=tuple((why, times) for why, times in reasons if why)[:MOST],
    )


def _word(running: bool, waiting: bool, silent: CellView | None) -> str:  # noqa: FBT001
    if silent:
        return "Perhaps stuck"
    if running:
        return "Queued, not stuck" if waiting else "Running"
    return "Waiting, and nothing runs" if waiting else "Idle"


def machines(tally: Mapping[tuple[NodeState, bool], int], kinds: Iterable[Provenance]) -> Machines:
    """Return how they stand, of how many are in which state, leased or not, and of all kinds."""
    leased = sum(count for (_, leased), count in tally.items() if leased)
    free = tally.get((NodeState.IN_SERVICE, False), 0)
    found = set(kinds)
    return Machines(
        free=free,
        leased=leased,
        out=sum(tally.values()) - leased - free,
        provenance=found.pop() if len(found) == 1 else "",
    )
