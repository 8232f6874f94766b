"""Cells that do nothing with four workers, beside as many bare workflows with as many steps.

Rivals: the engine's own no-op workflows, in the same run on the same server; teuthology's
dispatcher with a no-op runner, 10.3 jobs a second, and its submit, 0.42 s a job (both measured on
two idle cores, not run here).

What is compared is what is promised, not what is written: the bare engine writes each step down,
since it cannot know whether the step did something; a walk writes before something outside is
touched, and its stages here touch nothing. Cells also wait for machines, in a fair order, and get
leases, a history, a verdict and a summary, which bare workflows do not.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store, open_store
from tests import hands
from tests.bench.grants import spent
from tests.contract.storing import arch, ask, enrol, plan
from tests.orchestrating import ROOT
from tests.postgres import Postgres, binaries

WORKERS, NODES, PER_RUN = 4, 200, 100
#: cells of a usual bench; `python -m tests.bench.scale 10000` makes as many as it is told
CELLS = 400
STAGES = 8
#: who stand in line while `--waiting` measures what a cell costs, and how many cells it measures,
#: after some that are not counted: everybody's first reason is written down meanwhile
DEPTHS, SAMPLE, WARM = (1000, 2000, 4000, 10_000), 600, 200
DISPATCHER, SUBMIT = 10.3, 0.42
BARE = """
import sys, time, os
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID
url, name, steps, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
DBOS(config={"name": "bare", "system_database_url": url, "log_level": "ERROR",
             "application_version": "1", "executor_id": name, "max_executor_threads": 512,
             "serializer": DBOSPortableJSONSerializer()})

@DBOS.step()
def step(number: int) -> None:
    pass

@DBOS.workflow()
def walk(name: str) -> None:
    for number in range(steps):
        step(number)

DBOS.launch()
DBOS.register_queue("bare", polling_interval_sec=0.2)
print("ready", flush=True)
if count:
    sys.stdin.readline()
    for number in range(count):
        with SetWorkflowID(str(number)):
            DBOS.enqueue_workflow("bare", walk, str(number))
    while DBOS.list_workflows(status=["PENDING", "ENQUEUED"], limit=1, load_input=False):
        time.sleep(0.1)
    print("done", flush=True)
sys.stdin.readline()
os._exit(0)
"""


def bench(cells: int = CELLS) -> None:
    """Print cells and bare workflows per second, and how long a request for 100 cells takes."""
    if not binaries():
        print("no PostgreSQL server is installed: not measured")
        return
    server = Postgres().start()
    with server.database() as url:
        ours, asked, broken = _ours(url, cells, server)
    with server.database() as url:
        bare = _bare(url, cells, server)
    server.remove()
    print(
        f"a request for {PER_RUN} cells is stored in {asked:.3f} s (median); teuthology "
        f"{SUBMIT * PER_RUN:.0f} s: ratio {SUBMIT * PER_RUN / asked:.0f}"
    )
    print(
        f"{cells} cells of {STAGES} stages, {WORKERS} workers: {ours.rate:.1f}/s, {broken} "
        f"invariants broken; bare engine, as many steps: {bare.rate:.1f}/s: ratio "
        f"{ours.rate / bare.rate:.2f} (needed: 0.5); teuthology's dispatcher {DISPATCHER}/s: ratio "
        f"{ours.rate / DISPATCHER:.1f} (needed: 5)"
    )
    print(
        f"processor, of workers and database: {1000 * ours.processor:.1f} ms a cell, "
        f"{1000 * bare.processor:.1f} ms a bare workflow: ratio "
        f"{bare.processor / ours.processor:.2f}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """How many were done in a second, and the seconds of processor that one took."""

    rate: float
    processor: float


class Meter:
    """Measures what workers and their database use for some cells."""

    def __init__(self, pids: Sequence[int], server: Postgres) -> None:
        self._processes = [*map(psutil.Process, pids), server.running]
        self._began, self._before = time.monotonic(), self._spent()

    def cost(self, cells: int) -> Cost:
        """Return what each of the cells took."""
        wall, used = time.monotonic() - self._began, self._spent() - self._before
        return Cost(rate=cells / wall, processor=used / cells)

    def _spent(self) -> float:
        return sum(map(spent, self._processes))


def waiting(depths: Sequence[int] = DEPTHS) -> None:
    """Print the processor time that a cell takes while so many stand in line."""
    for depth in depths:
        server = Postgres().start()
        with server.database() as url:
            cost = _beside(url, depth, server)
        server.remove()
        print(
            f"{depth} cells in line: {1000 * cost.processor:.1f} ms of processor each (of"
            f" {SAMPLE}), {cost.rate:.1f}/s",
            flush=True,
        )


def _beside(url: str, depth: int, server: Postgres) -> Cost:
    """Return what a cell costs while `depth` others wait."""
    store = open_store(url)
    enrol(store, NODES)
    archs = [arch(f"k{number}") for number in range(PER_RUN)]
    for number in range((depth + WARM + SAMPLE) // PER_RUN):
        ask(store, plan(*archs), requester=f"u{number % 7}")
    with _workers(url) as pids:
        before = _passed(store, WARM)
        meter = Meter(pids, server)
        cost = meter.cost(_passed(store, before + SAMPLE) - before)
    store.database.close()
    return cost


def _passed(store: Store, least: int) -> int:
    """Return how many cells passed, once there are at least so many."""
    while True:
        found = sum(many for _, many in store.board.verdicts())
        if found >= least:
            return found
        time.sleep(0.2)


def _ours(url: str, cells: int, server: Postgres) -> tuple[Cost, float, int]:
    """Return what a cell costs, the median seconds of a request, and what is wrong in the store."""
    store = open_store(url)
    enrol(store, NODES)
    archs = [arch(f"k{number}") for number in range(PER_RUN)]
    took = []
    with _workers(url) as pids:
        meter = Meter(pids, server)
        for number in range(cells // PER_RUN):
            asked = time.monotonic()
            ask(store, plan(*archs), requester=f"u{number % 7}")
            took.append(time.monotonic() - asked)
        while _open(store) or store.queue.granted():
            time.sleep(0.2)
        cost = meter.cost(cells)
    broken = len(check(store.database, at_rest=True))
    store.database.close()
    return cost, sorted(took)[len(took) // 2], broken


def _open(store: Store) -> bool:
    with store.database.read() as tx:
        return tx.one("anyone_waits") is not None


@contextmanager
def _workers(url: str) -> Iterator[list[int]]:
    with tempfile.TemporaryDirectory() as folder:
        processes = [hands.begin(url, f"w{n}", Path(folder) / "trace", 0) for n in range(WORKERS)]
        try:
            for process in processes:
                hands.readied(process)
            yield [process.pid for process in processes]
        finally:
            for process in processes:
                process.kill()
                process.communicate()


def _bare(url: str, count: int, server: Postgres) -> Cost:
    """Return what a workflow of the bare engine costs."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BARE, url, f"b{n}", str(STAGES), str(0 if n else count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(WORKERS)
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        meter = Meter([process.pid for process in processes], server)
        processes[0].stdin.write("go\n")
        processes[0].stdin.flush()
        assert processes[0].stdout.readline()
        return meter.cost(count)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", type=int, nargs="?", default=CELLS)
    parser.add_argument("--waiting", type=int, nargs="*", help="what a cell costs behind so many")
    asked = parser.parse_args()
    if asked.waiting is None:
        bench(asked.cells)
    else:
        waiting(asked.waiting or DEPTHS)
