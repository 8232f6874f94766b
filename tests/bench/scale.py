"""Cells that do nothing with four workers, beside as many bare workflows with as many steps.

Rivals: the engine's own no-op workflows, in the same run on the same server; teuthology's
dispatcher with a no-op runner, 10.3 jobs a second, and its submit, 0.42 s a job (both measured on
two idle cores, not run here).
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store, open_store
from tests import hands
from tests.contract.storing import arch, ask, enrol, plan
from tests.orchestrating import ROOT
from tests.postgres import Postgres, binaries

WORKERS, NODES, PER_RUN = 4, 200, 100
#: cells of a usual bench; `python -m tests.bench.scale 10000` makes as many as it is told
CELLS = 400
STAGES = 8
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
    began = time.monotonic()
    for number in range(count):
        with SetWorkflowID(str(number)):
            DBOS.enqueue_workflow("bare", walk, str(number))
    while DBOS.list_workflows(status=["PENDING", "ENQUEUED"], limit=1, load_input=False):
        time.sleep(0.1)
    print(time.monotonic() - began, flush=True)
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
        ours, asked, broken = _ours(url, cells)
    with server.database() as url:
        bare = cells / _bare(url, cells)
    server.remove()
    print(
        f"a request for {PER_RUN} cells is stored in {asked:.3f} s (median); teuthology "
        f"{SUBMIT * PER_RUN:.0f} s: ratio {SUBMIT * PER_RUN / asked:.0f}"
    )
    print(
        f"{cells} cells of {STAGES} stages, {WORKERS} workers: {ours:.1f}/s, {broken} invariants "
        f"broken; bare engine, as many steps: {bare:.1f}/s: ratio {ours / bare:.2f}; "
        f"teuthology's dispatcher {DISPATCHER}/s: ratio {ours / DISPATCHER:.1f}"
    )


def _ours(url: str, cells: int) -> tuple[float, float, int]:
    """Return cells per second, the median seconds of a request, and what is wrong in the store."""
    store = open_store(url)
    enrol(store, NODES)
    archs = [arch(f"k{number}") for number in range(PER_RUN)]
    took = []
    with _workers(url):
        began = time.monotonic()
        for number in range(cells // PER_RUN):
            asked = time.monotonic()
            ask(store, plan(*archs), requester=f"u{number % 7}")
            took.append(time.monotonic() - asked)
        while _open(store) or store.queue.granted():
            time.sleep(0.2)
        wall = time.monotonic() - began
    broken = len(check(store.database, at_rest=True))
    store.database.close()
    return cells / wall, sorted(took)[len(took) // 2], broken


def _open(store: Store) -> bool:
    with store.database.read() as tx:
        return tx.one("anyone_waits") is not None


@contextmanager
def _workers(url: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        processes = [hands.begin(url, f"w{n}", Path(folder) / "trace", 0) for n in range(WORKERS)]
        try:
            for process in processes:
                hands.readied(process)
            yield
        finally:
            for process in processes:
                process.kill()
                process.communicate()


def _bare(url: str, count: int) -> float:
    """Return the seconds that the bare engine needs."""
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
        processes[0].stdin.write("go\n")
        processes[0].stdin.flush()
        return float(processes[0].stdout.readline())
    finally:
        for process in processes:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    bench(int(sys.argv[1]))
