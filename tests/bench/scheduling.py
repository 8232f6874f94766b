"""The scheduler beside first come first served, and what one pass costs with a long queue."""

import time
from datetime import UTC, datetime

from orchestrator.lab.simulation.report import simulate
from orchestrator.lab.simulation.workload import workload
from orchestrator.model.lease import Situation
from orchestrator.model.scheduling.spans import Outlook
from orchestrator.stages.lease import schedule

CELLS, NODES = 10_000, 200


def bench() -> None:
    """Print makespans by the bound and by FIFO's, the error of predictions, and a pass's cost."""
    began = time.process_time()
    found = simulate(CELLS, NODES, 1)
    took = time.process_time() - began
    print(f"{CELLS} cells on {NODES} machines, played twice in {took:.0f} s of processor")
    print(
        f"makespan {found.makespan:.0f} s: {found.makespan / found.lower_bound:.3f} of the lower "
        f"bound; FIFO {found.fifo_makespan / found.lower_bound:.3f}: ratio "
        f"{found.fifo_makespan / found.makespan:.2f}"
    )
    print(
        f"a one-cell request waits at most {found.max_wait_small / 3600:.1f} h; FIFO "
        f"{found.fifo_max_wait_small / 3600:.1f} h: ratio "
        f"{found.fifo_max_wait_small / max(found.max_wait_small, 1):.0f}"
    )
    print(f"predicted starts are off by {found.start_error or 0:.1%} of the wait (median)")
    _one_pass()


def _one_pass() -> None:
    load = workload(CELLS, NODES, 1)
    queue = tuple(item for asked in load.requests for item, _ in asked.cells)
    situation = Situation(now=datetime.now(UTC), queue=queue, nodes=load.nodes)
    began = time.process_time()
    result = schedule(situation, Outlook(spans=load.spans))
    took = time.process_time() - began
    print(
        f"one pass over {len(queue)} waiting on {NODES} free machines, with reasons for "
        f"{len(result.waits)}: {took:.2f} s of processor, {1e6 * took / len(queue):.0f} us each"
    )
