"""Planning: a million cells streamed beside teuthology's build_matrix; all pairs in few cells."""

import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from orchestrator.model.covering import covering
from orchestrator.model.space import Space

AXES = [(f"axis{n}", [f"{n}-{v}" for v in range(10)]) for n in range(6)]
OUT = [(("axis0", "0-0"), ("axis1", "1-1")), (("axis2", "2-3"), ("axis5", "5-9"))]
#: measured beside our first version, when the rival cannot be had: facts of the design
RIVAL_SECONDS, RIVAL_MB, RIVAL_PAIRS = 25.0, 859, "129 cells by a greedy choice"
#: the same product as facets: a folder with `%` and six folders of ten fragments
RIVAL = """
import os, resource, sys, tempfile, time
from teuthology.suite.build_matrix import build_matrix
root = tempfile.mkdtemp()
os.mkdir(f"{root}/suite"); open(f"{root}/suite/%", "w").close()
for axis in range(6):
    os.mkdir(f"{root}/suite/axis{axis}")
    for value in range(10):
        with open(f"{root}/suite/axis{axis}/{axis}-{value}.yaml", "w") as file:
            file.write(f"axis{axis}: {axis}-{value}\\n")
began = time.process_time()
found = build_matrix(f"{root}/suite")
took = time.process_time() - began
print(len(found), took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def bench() -> None:
    """Print both figures of each, and the ratio; times are of the processor."""
    first, ours, peak = _streamed()
    print(f"first of 10^6 cells after {1000 * first:.2f} ms, all in {ours:.2f} s, {peak:.1f} MiB")
    rival = _rival()
    said = f"{rival[0]:.1f} s, {rival[1]:.0f} MB" if rival else ""
    seconds = rival[0] if rival else RIVAL_SECONDS
    where = f"in this run: {said}" if rival else f"cannot be had here; {RIVAL_SECONDS} s measured"
    print(f"teuthology build_matrix {where}: ratio {seconds / ours:.0f}")
    for out in ([], OUT):
        began = time.process_time()
        found = covering(Space(AXES, out), 2)
        took = time.process_time() - began
        kept = not any(set(o) <= set(cell) for o in out for cell in found.cells)
        print(
            f"6 axes x 10 values, {len(out)} exclusions{'' if kept else ' BROKEN'}: all "
            f"{found.coverable} pairs in {len(found.cells)} cells, {took:.2f} s "
            f"(no choice has less than 100; {RIVAL_PAIRS})"
        )


def _streamed() -> tuple[float, float, float]:
    """Return seconds to the first cell, seconds for all with their names, and MiB at most."""
    began = time.process_time()
    cells = iter(Space(AXES, OUT))
    next(cells)
    first = time.process_time() - began
    for cell in cells:
        "-".join([value for _, value in cell])
    took = time.process_time() - began
    tracemalloc.start()
    for number, _ in enumerate(Space(AXES, OUT)):
        if number == 100_000:
            break
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return first, took, peak


def _rival() -> tuple[float, float] | None:
    """Return seconds and MB of teuthology's, installed into a folder of its own; None without."""
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / "bin" / "python")
        steps = (
            [sys.executable, "-m", "venv", folder],
            [python, "-m", "pip", "install", "--quiet", "teuthology"],
        )
        for step in steps:
            if subprocess.run(step, capture_output=True, timeout=900, check=False).returncode:
                return None
        done = subprocess.run(
            [python, "-c", RIVAL], capture_output=True, text=True, timeout=900, check=False
        )
    if done.returncode:
        return None
    _, seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes)
