"""Which holds end when a cell is released."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from orchestrator.model.ids import AttemptId, CellId
from orchestrator.service.desk import Desk

NOW = datetime(2026, 11, 28, tzinfo=UTC)
CELL = CellId("1/kvm-flat")
FIRST, SECOND = AttemptId("1/kvm-flat/1"), AttemptId("1/kvm-flat/2")


def desk(held: dict[AttemptId, datetime]) -> Desk:
    nobody: Any = None
    queue: Any = SimpleNamespace(held_until=held.get, hold=held.__setitem__)
    runs: Any = SimpleNamespace(cell=lambda _: SimpleNamespace(attempts=(FIRST, SECOND)))
    clock: Any = SimpleNamespace(now=lambda: NOW)
    engine: Any = SimpleNamespace(wake=lambda: None)
    return Desk(
        lab=nobody,
        clock=clock,
        source=nobody,
        history=nobody,
        runs=runs,
        queue=queue,
        engine=engine,
    )


def test_an_attempt_that_was_tried_again_since_is_released_too() -> None:
    held = {FIRST: NOW + timedelta(hours=2)}
    assert desk(held).release(CELL) == FIRST
    assert held == {FIRST: NOW}


def test_nothing_is_held_by_being_released() -> None:
    held: dict[AttemptId, datetime] = {}
    assert desk(held).release(CELL) == SECOND
    assert held == {}
