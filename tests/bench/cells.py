"""A hundred cells at once on fifty simulated machines: what the control plane itself costs."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import psutil

from tests.orchestrating import Orchestrator

NODES = 50
RUNS = 12
#: DBOS alone: as many workflows with as many steps that do nothing
BARE = """
import sys, time
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID
import sqlite3
path, workflows, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sqlite3.connect(path).execute("pragma journal_mode=wal")
DBOS(config={"name": "bare", "system_database_url": f"sqlite:///{path}", "log_level": "ERROR",
             "application_version": "1", "executor_id": "1",
             "serializer": DBOSPortableJSONSerializer()})

@DBOS.step()
def step(name: str, number: int) -> None:
    pass

@DBOS.workflow()
def walk(name: str) -> None:
    for number in range(steps):
        step(name, number)

DBOS.launch()
began = time.perf_counter()
for number in range(workflows):
    with SetWorkflowID(str(number)):
        DBOS.start_workflow(walk, str(number)).get_result()
print((time.perf_counter() - began) / (workflows * steps))
import os
sys.stdout.flush()
os._exit(0)
"""


def bench() -> None:
    """Print verdicts, wall time, memory, processor time per cell and the time between stages."""
    with tempfile.TemporaryDirectory() as folder:
        orchestrator = Orchestrator(home=Path(folder) / "home", nodes=NODES)
        started = orchestrator.start()
        print(f"start of {NODES} machines and the orchestrator: {started:.1f} s")
        process = psutil.Process(json.loads((orchestrator.home / "server.json").read_text())["pid"])
        before = _cpu(process)
        began = time.monotonic()
        runs = [orchestrator.ask("trunk") for _ in range(RUNS)]
        asked = time.monotonic() - began
        for run in runs:
            orchestrator.wait_for(lambda run=run: orchestrator.done(run), 1800, f"run {run}")
        wall = time.monotonic() - began
        used, memory = _cpu(process) - before, process.memory_info().rss
        _report(orchestrator, asked, wall, used, memory)
        orchestrator.stop()


def _report(
    orchestrator: Orchestrator, asked: float, wall: float, used: float, memory: int
) -> None:
    rulings = orchestrator.rows("SELECT verdict, count(*) FROM attempts GROUP BY verdict")
    cells = orchestrator.rows("SELECT count(*) FROM cells")[0][0]
    gaps = _gaps(orchestrator)
    bare = _bare()
    middle = statistics.median(gaps)
    print(f"{cells} cells, attempts by verdict: {dict(rulings)}")
    print(f"asked in {asked:.1f} s, all done after {wall:.0f} s: {cells / wall * 60:.1f} cells/min")
    print(f"orchestrator: {memory / 2**20:.0f} MiB, {used / cells:.2f} s of processor per cell")
    print(
        f"between stages: median {1000 * middle:.1f} ms, 99th percentile "
        f"{1000 * statistics.quantiles(gaps, n=100)[98]:.0f} ms; bare DBOS step in this run "
        f"{1000 * bare:.1f} ms: ratio {middle / bare:.2f}"
    )


def _gaps(orchestrator: Orchestrator) -> list[float]:
    """Return the seconds from each stage's end to the start of a next one that needs no place."""
    rows = orchestrator.rows(
        "SELECT attempt, kind, stage, at FROM events"
        " WHERE kind IN ('started', 'finished', 'failed') AND stage <> 'lease'"
        " ORDER BY attempt, seq"
    )
    light = {"verdict", "report", "release"}
    return [
        (datetime.fromisoformat(later[3]) - datetime.fromisoformat(earlier[3])).total_seconds()
        for earlier, later in pairwise(rows)
        if earlier[0] == later[0]
        and earlier[1] != "started"
        and later[1] == "started"
        and later[2] in light
    ]


def _bare() -> float:
    """Return the seconds that one step of DBOS takes that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", BARE, f"{folder}/bare.sqlite", "20", "7"],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    return float(done.stdout)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
