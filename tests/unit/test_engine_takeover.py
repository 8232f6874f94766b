"""Whose walks a worker takes over: those of the dead, never its own."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from orchestrator.drivers.engine import durable, watch
from orchestrator.drivers.engine.durable import DbosEngine
from orchestrator.drivers.engine.watch import Watch
from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker


class Buried:
    """Workers of whom nobody was heard in time."""

    def all(self) -> tuple[Worker, ...]:
        return ()


def test_a_late_worker_goes_on_with_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Worker(name="me", host="h", pid=1, version="1", since=datetime.now(UTC))
    engine = DbosEngine("sqlite://", me, None, None, Buried())  # type: ignore[arg-type]
    recovered: list[str] = []

    def pending(**_: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(executor_id=name) for name in ("me", "other")]

    def recover(names: Sequence[str]) -> None:
        recovered.extend(names)

    monkeypatch.setattr(durable.DBOS, "list_workflows", pending)
    monkeypatch.setattr(durable.DBOS, "_recover_pending_workflows", recover)
    engine.take_over(["me"])
    assert recovered == ["other"]


def test_who_takes_over_for_long_is_heard_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Worker(name="me", host="h", pid=1, version="1", since=datetime.now(UTC))
    heard, enough = [], threading.Event()

    class Beaten(Buried):
        def beat(self, worker: Worker, _walks: object = None) -> None:
            heard.append(worker.name)
            if len(heard) > 3:
                enough.set()

        def leave(self, name: str) -> None:
            """Nobody asks."""

    class Engine(SimpleNamespace):
        """The library, which does nothing."""

        def __call__(self, **_: object) -> None:
            """Nothing is kept."""

    monkeypatch.setattr(Watch, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(Watch, "look", lambda _: enough.wait())
    monkeypatch.setattr(Watch, "sweep", lambda *_: None)
    nothing = {name: lambda *_, **__: None for name in ("launch", "register_queue", "destroy")}
    kept = lambda **_: lambda done: done  # noqa: E731
    monkeypatch.setattr(durable, "DBOS", Engine(**nothing, workflow=kept))
    engine = DbosEngine("sqlite://", me, None, lambda *_, **__: None, Beaten())  # type: ignore[arg-type]
    engine.launch()
    assert enough.wait(60)
    engine.close()


@dataclass
class Lapsing(Buried):
    """Workers beside whom leases are renewed by nobody."""

    leases: tuple[tuple[AttemptId, str], ...] = ()
    said: list[tuple[AttemptId, ...] | None] = field(default_factory=list)

    def beat(self, _worker: Worker, walks: tuple[AttemptId, ...] | None = None) -> None:
        self.said.append(walks)

    def lapsed(self, _within: timedelta) -> tuple[tuple[AttemptId, str], ...]:
        return self.leases


@dataclass
class Heir:
    """Who is told what to take up."""

    taken: list[Sequence[str]] = field(default_factory=list)
    revived: list[Sequence[AttemptId]] = field(default_factory=list)
    redone: list[Sequence[AttemptId]] = field(default_factory=list)

    def take_over(self, dead: Sequence[str]) -> None:
        self.taken.append(dead)

    def revive(self, attempts: Sequence[AttemptId]) -> None:
        self.revived.append(attempts)

    def redo(self, attempts: Sequence[AttemptId]) -> None:
        self.redone += [attempts] if attempts else []


def test_what_nobody_renews_for_long_is_begun_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1000, 10))
    monkeypatch.setattr(watch.time, "monotonic", lambda: float(next(times)))
    me = Worker(name="me", host="h", pid=1, version="1", since=datetime.now(UTC))
    forgotten, orphan = (AttemptId("1/k/1"), ""), (AttemptId("2/k/1"), "dead")
    workers, heir = Lapsing((forgotten, orphan)), Heir()
    walks: list[AttemptId] = []
    mine = Watch(me, workers, heir, walks)
    for _ in range(8):
        mine.sweep()
    assert heir.taken == [["dead"]] * 8
    assert heir.revived == [["1/k/1", "2/k/1"]] * 8
    # at 10, and after more than thirty seconds each
    assert heir.redone == [["1/k/1", "2/k/1"]]
    workers.leases = ()
    mine.sweep()
    workers.leases = (forgotten,)
    mine.sweep()
    assert len(heir.redone) == 1


def test_a_heartbeat_names_what_it_renews_once_its_worker_is_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    me = Worker(name="me", host="h", pid=1, version="1", since=datetime.now(UTC))
    workers, walks = Lapsing(), [AttemptId("1/k/1")]
    mine = Watch(me, workers, Heir(), walks)
    mine.beat()
    now[0] = watch.SETTLING_SECONDS + 1
    mine.beat()
    walks.clear()
    mine.beat()
    assert workers.said == [None, ("1/k/1",), ()]


def test_only_a_walk_that_this_process_lost_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    me = Worker(name="me", host="h", pid=1, version="1", since=datetime.now(UTC))
    engine = DbosEngine("sqlite://", me, None, None, Buried())  # type: ignore[arg-type]
    engine._walks[1] = AttemptId("walked/k/1")
    resumed: list[str] = []
    flows = {"lost/k/1": "me", "walked/k/1": "me", "others/k/1": "other"}

    def listed(*, workflow_ids: Sequence[str], **_: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(workflow_id=a, executor_id=flows[a]) for a in workflow_ids]

    monkeypatch.setattr(durable.DBOS, "list_workflows", listed)
    monkeypatch.setattr(durable.DBOS, "resume_workflow", lambda name, **_: resumed.append(name))
    engine.redo([AttemptId(name) for name in flows])
    assert resumed == ["lost/k/1"]
