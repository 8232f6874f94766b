"""A walk's events: in how many transactions they are stored, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from orchestrator import flow
from orchestrator.drivers.store.events import Events
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from tests import hands
from tests.contract.storing import PASSED, enrol, start


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


class Killed(BaseException):
    """The worker is gone in this very instant."""


@pytest.mark.parametrize("stages", [1, 2, 3, 5, 6])
def test_what_old_code_began_is_ended_by_new_code_that_has_a_stage_more(
    tmp_path: Path, stages: int
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(store, 1)
    attempt = start(store)
    new = hands.Touching(tmp_path, 0).order()
    old = tuple(step for step in new if step[0] is not Stage.ATTEST)
    begun: list[None] = []

    def killed() -> None:
        begun.append(None)
        if len(begun) > stages:
            raise Killed

    with pytest.raises(Killed):
        hands.flow(store, "old", old).walk(attempt, killed)
    assert store.queue.granted() == (attempt,)
    hands.flow(store, "new", new).walk(attempt, lambda: None)
    told = store.events.of(attempt)
    ended = [event.stage for event in told if event.kind is Kind.FINISHED]
    assert sorted(ended) == sorted([Stage.LEASE, *(stage for stage, _ in new)])
    assert [event.ruling for event in told if event.kind is Kind.JUDGED] == [PASSED]
    assert store.queue.granted() == ()
    store.database.close()
