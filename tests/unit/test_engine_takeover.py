"""Whose walks a worker takes over: those of the dead, never its own."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from orchestrator.drivers.engine import durable
from orchestrator.drivers.engine.durable import DbosEngine
from orchestrator.drivers.engine.watch import Watch
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
        def beat(self, worker: Worker) -> None:
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
