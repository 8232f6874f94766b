"""A walk's events: in how many transactions they are stored, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator import flow
from orchestrator.drivers.store.events import Events
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.event import Event, Kind
from orchestrator.model.ids import AttemptId
from tests import hands
from tests.contract.storing import enrol, start


@dataclass
class Counted:
    """The store's events, and how many were stored at a time."""

    events: Events
    batches: list[int] = field(default_factory=list)

    def append(
        self, attempt: AttemptId, events: Sequence[Event], now: datetime, **more: object
    ) -> bool:
        self.batches.append(len(events))
        return self.events.append(attempt, events, now, **more)

    def of(self, attempt: AttemptId) -> tuple[Event, ...]:
        return self.events.of(attempt)


@pytest.mark.parametrize(("brief", "transactions"), [(1e9, 11), (0.0, 18)])
def test_the_end_of_a_brief_stage_is_stored_with_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brief: float, transactions: int
) -> None:
    monkeypatch.setattr(flow, "BRIEF_SECONDS", brief)
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(store, 1)
    attempt = start(store)
    order = hands.Touching(tmp_path, 0).order()
    walking = hands.flow(store, "w", order)
    counted = Counted(store.events)
    replace(walking, kit=replace(walking.kit, events=counted)).walk(attempt, lambda: None)
    told = [e for e in store.events.of(attempt) if e.kind in {Kind.STARTED, Kind.FINISHED}]
    # the lease's are the first two
    assert [(e.stage, e.kind) for e in told[2:]] == [
        (stage, kind) for stage, _ in order for kind in (Kind.STARTED, Kind.FINISHED)
    ]
    times = [event.at for event in told[2:] if event.at]
    assert times == sorted(times)
    assert len(counted.batches) == transactions
    assert store.queue.granted() == ()
    store.database.close()
