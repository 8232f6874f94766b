"""Names of things: a run is `12`, its cell `12/kvm-flat`, an attempt at it `12/kvm-flat/1`.

One text is the address, the primary key, the workflow id and the URL path, so that whatever a
person copies from one place can be pasted into any other.
"""

from typing import NewType

RunId = NewType("RunId", int)
CellId = NewType("CellId", str)
AttemptId = NewType("AttemptId", str)


def cell_id(run: RunId, arch: str) -> CellId:
    """Return the name of the square where `run` meets `arch`."""
    return CellId(f"{run}/{arch}")


def attempt_id(cell: CellId, number: int) -> AttemptId:
    """Return the name of try `number` (from 1) at `cell`."""
    return AttemptId(f"{cell}/{number}")


def cell_of(attempt: AttemptId) -> CellId:
    """Return the cell that `attempt` is a try at."""
    return CellId(attempt.rpartition("/")[0])


def run_of(name: CellId | AttemptId) -> RunId:
    """Return the run that a cell or an attempt belongs to."""
    return RunId(int(name.partition("/")[0]))


def number_of(attempt: AttemptId) -> int:
    """Return which try (from 1) `attempt` is."""
    return int(attempt.rpartition("/")[2])
