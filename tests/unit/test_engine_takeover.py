"""Whose walks a worker takes over: those of the dead, never its own."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from orchestrator.drivers.engine import durable
from orchestrator.drivers.engine.durable import DbosEngine
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
