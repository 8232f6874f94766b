"""A store for tests: databases to open it on, runs to fill it with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.arch import Arch, Deploy, Role, Smoke
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import (
    Grant,
    Placement,
    Reason,
    Schedule,
    Situation,
    Waiting,
    Why,
)
from orchestrator.model.request import Commit, Request, Snapshot
from orchestrator.model.run import Plan, Run
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.store import Enrolled
from tests import postgres

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
PASSED = Ruling(verdict=Verdict.PASSED)
BROKEN = Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause="no call-back", suspects=("n0",))


#: kinds of databases that this machine can make
KINDS = ("sqlite", "postgresql") if postgres.binaries() else ("sqlite",)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/lab/store.sqlite"
        return
    with postgres.shared().database() as url:
        yield url


def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give an empty store, and prove that it is consistent when the test is over."""
    with database(request.param, tmp_path) as url:
        opened = open_store(url)
        yield opened
        wrong = check(opened.database)
        opened.database.close()
    assert wrong == ()


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def arch(name: str, nodes: int = 1, semaphores: tuple[str, ...] = ()) -> Arch:
    return Arch(
        name=name,
        summary=f"{name}, as it is deployed",
        roles=(
            Role(name="control", count=1, needs=frozenset(), install="debian", groups=("all",)),
            Role(
                name="compute",
                count=nodes - 1,
                needs=frozenset({"x86_64", "kvm"}),
                install="debian",
                groups=("all", "compute"),
                settings=(("hypervisor", "kvm"),),
            ),
        ),
        deploy=Deploy(play="site.yml"),
        smoke=Smoke(suite="compute"),
        semaphores=semaphores,
    )


def plan(*archs: Arch, sha: str = "1a2b3c", patched: str = "") -> Plan:
    commit = Commit(repo="nova", ref="trunk", sha=sha, subject="Boot faster", patched=patched)
    other = Commit(repo="glance", ref="trunk", sha="4d5e6f")
    return Plan(snapshot=Snapshot(commit=commit, archive="x.tgz"), archs=archs, others=(other,))


def ask(store: Store, what: Plan, ruling: Ruling | None = None, **fields: object) -> Run:
    request = replace(Request(repo="nova", ref="trunk", requester="ann"), **fields)
    rulings = {arch.name: ruling for arch in what.archs} if ruling else {}
    return store.runs.add(request, what, rulings, NOW)


def enrol(store: Store, count: int) -> None:
    both = frozenset({"x86_64", "kvm"})
    nodes = [Enrolled(name=f"n{number}", capabilities=both) for number in range(count)]
    store.nodes.enrol(nodes, NOW)


def first_fit(situation: Situation) -> Schedule:
    """Give each gang in turn the first free nodes."""
    free = [node.name for node in situation.nodes if node.free]
    grants, waits = [], []
    for item in situation.queue:
        if len(item.needs) > len(free):
            text = f"waits for {len(item.needs)} machines"
            waits.append((item.attempt, Why(reason=Reason.BUSY, text=text)))
            continue
        pairs = zip(item.needs, free, strict=False)
        chosen = tuple(Placement(role=need.role, node=node) for need, node in pairs)
        free = free[len(chosen) :]
        grants.append(Grant(attempt=item.attempt, placements=chosen))
    return Schedule(grants=tuple(grants), waits=tuple(waits))


def start(store: Store, *, sha: str = "1a2b3c", nodes: int = 1) -> AttemptId:
    """Return the only attempt of a new run, machines granted."""
    run = ask(store, plan(arch("kvm", nodes), sha=sha))
    store.queue.grant(first_fit, later(5))
    return AttemptId(f"{run.id}/kvm/1")


def judge(
    store: Store, attempt: AttemptId, ruling: Ruling, retry: frozenset[str] | None = None
) -> None:
    event = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling)
    store.events.append(attempt, [event], later(60), retry=retry)


def kinds(events: Sequence[Event]) -> list[tuple[Stage, Kind]]:
    return [(event.stage, event.kind) for event in events]


def queue_of(store: Store) -> tuple[Waiting, ...]:
    """Return the queue as a scheduler is shown it."""
    shown: list[Waiting] = []

    def look(situation: Situation) -> Schedule:
        shown.extend(situation.queue)
        return Schedule(grants=(), waits=())

    store.queue.grant(look, NOW)
    return tuple(shown)


def give(item: Waiting, *nodes: str) -> Schedule:
    pairs = zip(item.needs, nodes, strict=True)
    placements = tuple(Placement(role=need.role, node=node) for need, node in pairs)
    return Schedule(grants=(Grant(attempt=item.attempt, placements=placements),), waits=())
