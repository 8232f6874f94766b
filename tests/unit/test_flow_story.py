"""A walk's events: in how many transactions they are stored, and in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator import flow
from orchestrator.drivers.store.events import Events
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.run import Task
from orchestrator.model.verdict import Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
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


@pytest.mark.parametrize(("brief", "transactions"), [(1e9, 2), (0.0, 9)])
def test_stages_that_are_brief_and_touch_nothing_are_stored_with_what_comes_next(
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: int
) -> None:
    monkeypatch.setattr(flow, "BRIEF_SECONDS", 0.0)
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


def test_that_a_stage_began_is_stored_before_it_touches_anything(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(store, 1)
    attempt = start(store)
    seen: list[list[tuple[Stage, Kind]]] = []

    def look(_task: Task, _kit: Kit, deadline: Deadline) -> Iterator[Event]:
        for about_to_touch in (deadline.left, deadline.check, lambda: deadline.within(1)):
            about_to_touch()
            seen.append([(e.stage, e.kind) for e in store.events.of(attempt)])
        yield from ()

    order = tuple(
        (stage, look if stage is Stage.DEPLOY else work)
        for stage, work in hands.Touching(tmp_path, 0).order()
    )
    hands.flow(store, "w", order).walk(attempt, lambda: None)
    for told in seen:
        assert told[-1] == (Stage.DEPLOY, Kind.STARTED)
        assert (Stage.ATTEST, Kind.FINISHED) in told
    assert len(seen) == 3
    store.database.close()


def test_who_is_stopped_notices_before_touching_anything(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(store, 1)
    attempt = start(store)
    touched: list[None] = []

    def touch(_task: Task, _kit: Kit, deadline: Deadline) -> Iterator[Event]:
        store.queue.cancel(attempt, datetime.now(UTC))
        deadline.check()
        touched.append(None)
        yield from ()

    order = tuple(
        (stage, touch if stage is Stage.PROVISION else work)
        for stage, work in hands.Touching(tmp_path, 0).order()
    )
    hands.flow(store, "w", order).walk(attempt, lambda: None)
    rulings = [e.ruling.verdict for e in store.events.of(attempt) if e.ruling]
    assert rulings == [Verdict.CANCELLED]
    assert touched == []
    assert store.queue.granted() == ()
    store.database.close()
