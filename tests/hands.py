"""Workers whose stages touch no machine, but leave a trace of each: for kills, takeovers, benches.

Store, queue, leases, engine, watchdog and walk are the real ones. `python -m tests.hands URL NAME
FOLDER PACE` works on the store at URL until it is told to stop, and says `ready` first. A stage
takes PACE seconds; what would touch a machine appends a line to FOLDER/<node> instead (unless PACE
is 0).
"""

import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.engine.durable import DbosEngine
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.flow import Flow, StageFunction
from orchestrator.model.event import Event, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.run import Task
from orchestrator.model.secret import Secret
from orchestrator.model.worker import Worker
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
from orchestrator.stages.report import report
from orchestrator.stages.verdict import verdict
from tests.orchestrating import ROOT

START_SECONDS = 120.0
_STEP = 0.05


class NoOrphans:
    """Nothing was started, so nothing is left."""

    def end(self, _: AttemptId) -> int:
        return 0


class NoSlots:
    """There is room for everybody."""

    def take(self, _: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext()


class Touching:
    """Stages that leave a trace."""

    def __init__(self, folder: Path, pace: float) -> None:
        self._folder = folder
        self._pace = pace

    def idle(self, task: Task, kit: Kit, deadline: Deadline) -> Iterator[Event]:
        self._touch(task, deadline, "in")
        end = kit.clock.now().timestamp() + self._pace
        while kit.clock.now().timestamp() < end:
            deadline.sleep(_STEP)
        self._touch(task, deadline, "in")
        yield from ()

    def release(self, task: Task, _kit: Kit, deadline: Deadline) -> Iterator[Event]:
        self._touch(task, deadline, "out")
        yield from ()

    def order(self) -> tuple[tuple[Stage, StageFunction], ...]:
        idle = (Stage.PROVISION, Stage.ATTEST, Stage.DEPLOY, Stage.SMOKE, Stage.COLLECT)
        closing = ((Stage.VERDICT, verdict), (Stage.REPORT, report), (Stage.RELEASE, self.release))
        return (*((stage, self.idle) for stage in idle), *closing)

    def _touch(self, task: Task, deadline: Deadline, way: str) -> None:
        if not self._pace:
            return
        deadline.check()
        for host in task.hosts:
            line = f"{host.lease.token} {way} {task.attempt} {task.walk}\n"
            with (self._folder / host.node.name).open("a") as trace:
                trace.write(line)


def node(name: str) -> Node:
    bmc = Bmc(address="127.0.0.1", port=623, user="", password=Secret(""))
    kind = Provenance.SIMULATED
    return Node(
        name=name, mac="", bmc=bmc, provenance=kind, capabilities=frozenset(), address="127.0.0.1"
    )


def kit(store: Store) -> Kit:
    """Return what walking needs; of drivers there are none."""
    used: dict[str, Any] = {
        "clock": SystemClock(),
        **{name: {} for name in ("power", "console", "boot", "inspects")},
        **{name: {} for name in ("switches", "sessions")},
        "notify": (),
        "orphans": NoOrphans(),
        "slots": NoSlots(),
        "queue": store.queue,
        "nodes": store.nodes,
        "attestations": store.attestations,
        "events": store.events,
    }
    # of what no stage here uses there is nothing, whatever it may be
    return Kit(**{field.name: used.get(field.name) for field in fields(Kit)})


def flow(store: Store, name: str, order: tuple[tuple[Stage, StageFunction], ...]) -> Flow:
    """Return the walk of a worker over all nodes that the store knows."""
    nodes = {status.name: node(status.name) for status in store.nodes.all()}
    return Flow(
        kit=kit(store), runs=store.runs, nodes=nodes, root="/nonexistent", walker=name, order=order
    )


def engine(url: str, store: Store, walking: Flow) -> DbosEngine:
    """Return the engine of one process."""
    worker = Worker(
        name=walking.walker,
        host=socket.gethostname(),
        pid=os.getpid(),
        version="test",
        since=datetime.now(UTC),
    )
    return DbosEngine(url, worker, walking.walk, walking.tick, store.workers)


def begin(
    url: str, name: str, folder: Path, pace: float, root: Path = ROOT
) -> subprocess.Popen[str]:
    """Return a worker in a process of its own; wait for its `ready` with `readied`.

    Its code is that in the folder `root`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.log").open("a") as log:
        return subprocess.Popen(
            [
                "setpriv",
                "--pdeathsig",
                "KILL",
                sys.executable,
                "-m",
                "tests.hands",
                url,
                name,
                str(folder),
                str(pace),
            ],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def readied(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Return the worker once it works."""
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def main(url: str, name: str, folder: str, pace: str) -> None:
    """Work until SIGTERM."""
    store = open_store(url)
    touching = Touching(Path(folder), float(pace))
    running = engine(url, store, flow(store, name, touching.order()))
    faulthandler.register(signal.SIGUSR1)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    running.launch()
    print("ready", flush=True)
    over.wait()
    running.close()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
