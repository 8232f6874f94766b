"""What the processes do that tests of the store start and kill."""

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.drivers.store.grants import keep
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Grant, Placement
from orchestrator.model.request import Request
from orchestrator.model.verdict import Ruling, Verdict
from tests.contract.storing import arch, first_fit, plan

CELLS = 4


def now() -> datetime:
    return datetime.now(UTC)


def opens(url: str, go: str) -> None:
    """Open the store at the moment that the file `go` appears."""
    Path(f"{go}-{os.getpid()}").touch()
    while not Path(go).exists():
        time.sleep(0.001)
    store = open_store(url)
    store.runs.add(Request(repo="r", ref="t", requester=go), plan(arch("kvm")), {}, now())


def churns(url: str, folder: str, name: str, runs: str) -> None:
    """Ask for runs and do what the queue gives, until nobody waits; repeatable after a kill."""
    store = open_store(url)
    chance = random.Random(name)  # noqa: S311
    for attempt in store.queue.granted():
        if attempt.partition("/")[2].startswith(name):
            work(store, attempt, Path(folder))
    for number in range(int(runs)):
        archs = [arch(f"{name}-{n}", chance.randint(1, 8)) for n in range(CELLS)]
        request = Request(repo="r", ref="t", requester=name, key=f"{name} {number}")
        store.runs.add(request, plan(*archs), {}, now())
        step(store, Path(folder), name)
    while step(store, Path(folder), name):
        time.sleep(0.03)


def step(store: Store, folder: Path, name: str) -> bool:
    """Grant once and do what was granted; return whether there was anything for us."""
    schedule = store.queue.grant(first_fit, now())
    ours = [a for a in store.queue.granted() if a.partition("/")[2].startswith(name)]
    for attempt in ours:
        work(store, attempt, folder)
    waits = any(attempt.partition("/")[2].startswith(name) for attempt, _ in schedule.waits)
    return bool(ours) or waits


def work(store: Store, attempt: AttemptId, folder: Path) -> None:
    """Use the attempt's machines where everybody can see it, then give them back."""
    leases = store.queue.leases(attempt)
    holders = {status.name: status.holder for status in store.nodes.all()}
    if any(holders[lease.node] != attempt for lease in leases):
        sys.exit(f"{attempt} does not hold {leases}: {holders}")
    for lease in leases:
        with (folder / lease.node).open("a") as witness:
            witness.write(f"{lease.token} in {attempt}\n")
    store.queue.guard(attempt)
    for lease in leases:
        with (folder / lease.node).open("a") as witness:
            witness.write(f"{lease.token} out {attempt}\n")
    judged = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=Ruling(verdict=Verdict.PASSED))
    store.events.append(attempt, [judged, Event(kind=Kind.FINISHED, stage=Stage.VERDICT)], now())
    store.queue.release(attempt)


def dies(url: str, attempt: str, nodes: str) -> None:
    """Grant a gang, and die by SIGKILL before the transaction ends."""
    store = open_store(url)
    roles = ("control", "compute", "compute")
    placements = tuple(
        Placement(role=role, node=node) for role, node in zip(roles, nodes.split(","), strict=False)
    )
    with store.database.write() as tx:
        keep(tx, [Grant(attempt=AttemptId(attempt), placements=placements)], now(), tx.clock())
        os.kill(os.getpid(), signal.SIGKILL)
