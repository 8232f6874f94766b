"""A hold has an end of its own: nobody has to give the machines back."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.drivers.store.opened import open_store
from orchestrator.model.event import Kind, Stage
from orchestrator.model.node import Node
from orchestrator.ports.clock import Deadline
from orchestrator.stages.release import release
from tests import hands
from tests.contract.storing import enrol, start

HELD_SECONDS = 120.0


@dataclass
class Running:
    """A clock that goes on when somebody sleeps."""

    slept: float = 0.0
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@dataclass
class Switched:
    """A rack's power and boot server: when which machine was switched off."""

    clock: Running
    off: list[tuple[str, float]] = field(default_factory=list)

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        deadline.check()
        assert not on
        self.off.append((node.name, self.clock.slept))

    def withdraw(self, node: Node, attempt: str) -> None:
        """Nothing was offered."""


def test_machines_go_back_by_themselves_when_the_hold_is_over(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    enrol(store, 2)
    attempt = start(store, nodes=2)
    clock = Running()
    rack = Switched(clock)
    order = tuple(
        (stage, release if stage is Stage.RELEASE else work)
        for stage, work in hands.Touching(tmp_path, 0).order()
    )
    walking = hands.flow(store, "w", order)
    drivers = {"power": {"ipmi": rack}, "boot": {"install": rack}}
    store.queue.hold(attempt, clock.now() + timedelta(seconds=HELD_SECONDS))
    replace(walking, kit=replace(walking.kit, clock=clock, **drivers)).walk(attempt, lambda: None)
    assert [name for name, _ in rack.off] == ["n0", "n1"]
    assert all(HELD_SECONDS <= when <= HELD_SECONDS + 1 for _, when in rack.off)
    told = store.events.of(attempt)
    (held,) = (event for event in told if event.kind is Kind.HELD)
    assert "held until" in held.text
    assert told[-1].kind is Kind.FINISHED
    assert store.queue.leases(attempt) == ()
    assert store.queue.granted() == ()
    store.database.close()
