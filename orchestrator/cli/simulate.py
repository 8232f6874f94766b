"""Plays thousands of requests through the real scheduler, beside first come first served."""

from typing import Annotated

import typer
from rich.table import Table

from orchestrator.cli.durations import counted, spoken
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.lab.simulation.report import Simulation
from orchestrator.lab.simulation.report import simulate as played

_MOST_CELLS = 100_000
_MOST_NODES = 2_000


def simulate(
    session: Session,
    *,
    cells: Annotated[
        int, typer.Option(min=1, max=_MOST_CELLS, help="How many cells are asked for.")
    ] = 10_000,
    nodes: Annotated[
        int, typer.Option(min=20, max=_MOST_NODES, help="How many machines, of many kinds.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same lab.")] = 1,
) -> None:
    """Play requests through the scheduler in a made-up lab: makespan, waits, beside FIFO.

    Touches no lab and no orchestrator. Takes about as many milliseconds of processor as cells.
    """
    session.say(f"playing {counted(cells, 'cell')} on {counted(nodes, 'machine')}, twice")
    found = played(cells, nodes, seed)
    session.show(found, _table(found), "", _sentence(found))


def _table(found: Simulation) -> Table:
    made = table("", ">scheduler", ">FIFO", ">no scheduler can beat")
    bound = spoken(found.lower_bound)
    made.add_row("all done after", spoken(found.makespan), spoken(found.fifo_makespan), bound)
    ratios = (found.makespan / found.lower_bound, found.fifo_makespan / found.lower_bound)
    made.add_row("that is", *(f"{ratio:.3f} x" for ratio in ratios), "1 x")
    used = (f"{share:.1%}" for share in (found.utilisation, found.fifo_utilisation))
    made.add_row("machines in use", *used, "")
    waits = (found.max_wait_small, found.fifo_max_wait_small)
    made.add_row("a one-cell request waits at most", *map(spoken, waits), "")
    return made


def _sentence(found: Simulation) -> str:
    if found.start_error is None:
        return "nobody waited, so no start was predicted"
    return f"predicted starts were off by {found.start_error:.1%} of the wait (median)"
