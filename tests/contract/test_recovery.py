"""Machines out of service for their BMC come back when it answers: a real store, BMC and driver."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.store.opened import Store
from orchestrator.model.errors import (
    BootTimeout,
    OutOfTime,
    PowerDenied,
    PowerError,
    PowerUnchanged,
    SmoketestError,
    cause_of,
)
from orchestrator.model.event import Kind
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Cause, NodeState, NodeStatus
from orchestrator.ports.store import Enrolled
from orchestrator.service.recovery import ANSWERS, Recovery
from tests.contract import rig as rigs
from tests.contract.storing import KINDS, NOW, PASSED, enrol, first_fit, judge, later, start, stores
from tests.contract.test_power import BmcDevice, start_bmcs

store = pytest.fixture(params=KINDS)(stores)

OUT = NodeState.QUARANTINED


@dataclass
class Bell:
    """The engine's part in this: it is woken when there are machines again."""

    rung: int = 0
    started: list[AttemptId] = field(default_factory=list)

    def start(self, attempt: AttemptId) -> None:
        self.started.append(attempt)

    def wake(self) -> None:
        self.rung += 1


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture(scope="module")
def bmc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BmcDevice]:
    for (device,) in start_bmcs(tmp_path_factory.mktemp("bmc"), 1):
        yield device


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def recovery(store: Store, bmc: BmcDevice, children: WarmChildren, bell: Bell) -> Recovery:
    enrol(store, 2)
    power = {"ipmi": IpmiPower(children, gap=0, patience=1, tries=1)}
    return Recovery(
        clock=rigs.CLOCK,
        nodes=store.nodes,
        engine=bell,
        machines={name: replace(bmc.node(), name=name) for name in ("n0", "n1")},
        power=power,
    )


def standing(store: Store, name: str = "n0") -> NodeStatus:
    return next(status for status in store.nodes.all() if status.name == name)


def probe(recovery: Recovery, times: int = 1) -> None:
    for _ in range(times):
        for status in recovery.due():
            recovery.probe(status)


def worked(store: Store) -> AttemptId:
    """Return an attempt that n0 broke and that is over."""
    attempt = start(store)
    judge(store, attempt, PASSED)
    store.nodes.mark("n0", attempt, "commit aaa", NOW, Cause.BMC)
    store.queue.release(attempt)
    return attempt


def test_three_answers_in_a_row_bring_it_back(
    store: Store, bmc: BmcDevice, recovery: Recovery, bell: Bell
) -> None:
    attempt = worked(store)
    store.nodes.set_state("n0", OUT, "could not be switched off", later(1), Cause.BMC)
    probe(recovery, ANSWERS - 1)
    bmc.stop()
    try:
        probe(recovery)
    finally:
        bmc.go_on()
    probe(recovery, ANSWERS - 1)
    assert (standing(store).state, bell.rung) == (OUT, 0)
    probe(recovery)
    back = standing(store)
    assert (back.state, back.reason, back.marks) == (NodeState.IN_SERVICE, "", 0)
    note = store.events.of(attempt)[-1]
    assert (note.kind, note.node) == (Kind.NOTE, "n0")
    said = "back in service: its BMC answered 3 times in a row (was: could not be switched off)"
    assert note.text == said
    assert bell.rung == 1
    assert bmc.commands() == []
    probe(recovery)
    assert store.events.of(attempt)[-1] == note


def test_a_dead_bmc_keeps_it_out(store: Store, bmc: BmcDevice, recovery: Recovery) -> None:
    store.nodes.set_state("n0", OUT, "silent", later(1), Cause.BMC)
    bmc.stop()
    try:
        probe(recovery, ANSWERS)
    finally:
        bmc.go_on()
    assert standing(store).state is OUT


def test_only_a_person_brings_back_what_is_out_for_anything_else(
    store: Store, recovery: Recovery
) -> None:
    store.nodes.set_state("n0", OUT, "broke two commits", later(1))
    store.nodes.set_state("n1", NodeState.DRAINED, "new fan", later(1))
    assert recovery.due() == ()
    # Neither becomes easier to bring back when its BMC fails besides.
    for name in ("n0", "n1"):
        store.nodes.set_state(name, OUT, "could not be switched off", later(2), Cause.BMC)
    assert recovery.due() == ()
    assert standing(store).cause is Cause.WORK
    drained = standing(store, "n1")
    assert drained.state is NodeState.DRAINED
    assert drained.reason == "new fan; and could not be switched off"


def test_a_drain_while_it_is_probed_stands(store: Store, recovery: Recovery, bell: Bell) -> None:
    store.nodes.set_state("n0", OUT, "silent", later(1), Cause.BMC)
    (seen,) = recovery.due()
    for _ in range(ANSWERS - 1):
        recovery.probe(seen)
    store.nodes.set_state("n0", NodeState.DRAINED, "taken apart", later(2))
    recovery.probe(seen)
    assert standing(store).state is NodeState.DRAINED
    store.nodes.set_state("n0", NodeState.IN_SERVICE, "", later(3))
    store.nodes.set_state("n0", OUT, "silent again", later(4), Cause.BMC)
    recovery.probe(seen)  # an answer to what was asked about the time before
    assert (standing(store).state, bell.rung) == (OUT, 0)


def test_a_machine_that_somebody_has_is_left_alone(store: Store, recovery: Recovery) -> None:
    attempt = start(store)
    store.nodes.set_state("n0", OUT, "silent", later(1), Cause.BMC)
    assert recovery.due() == ()
    judge(store, attempt, PASSED)
    store.queue.release(attempt)
    assert [status.name for status in recovery.due()] == ["n0"]


def test_a_node_that_left_the_lab_is_not_probed(store: Store, recovery: Recovery) -> None:
    store.nodes.set_state("n0", OUT, "silent", later(1), Cause.BMC)
    (seen,) = recovery.due()
    store.nodes.enrol([Enrolled(name="n1", capabilities=frozenset())], later(2))
    for _ in range(ANSWERS):
        recovery.probe(seen)
    enrol(store, 2)
    assert standing(store).state is OUT


def test_marks_are_for_the_bmc_only_if_all_are(store: Store, recovery: Recovery) -> None:
    assert recovery.due() == ()
    assert store.nodes.cause("n0") is Cause.WORK
    first = worked(store)
    assert store.nodes.cause("n0") is Cause.BMC
    store.queue.grant(first_fit, later(9))
    second = start(store, sha="bbb")
    store.nodes.mark("n0", second, "commit bbb", NOW, Cause.WORK)
    assert store.nodes.cause("n0") is Cause.WORK
    store.nodes.set_state("n0", NodeState.IN_SERVICE, "", later(10))
    assert store.nodes.cause("n0") is Cause.WORK
    assert first != second


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (PowerError, Cause.BMC),
        (PowerDenied, Cause.BMC),
        (PowerUnchanged, Cause.WORK),
        (OutOfTime, Cause.WORK),
        (BootTimeout, Cause.WORK),
    ],
)
def test_only_a_bmc_that_does_not_answer_is_cleared_by_an_answer(
    error: type[SmoketestError], cause: Cause
) -> None:
    assert cause_of(error("n03: trouble", node="n03")) is cause
