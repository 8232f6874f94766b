"""The law of the board: what is shown of runs and cells, a page at a time."""

from datetime import timedelta

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.request import Lane
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import State
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.board import Shown, Sought, SoughtCells
from tests.contract.storing import (
    KINDS,
    NOW,
    PASSED,
    arch,
    ask,
    enrol,
    first_fit,
    judge,
    later,
    plan,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)

RED = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="two NICs")


def _names(shown: tuple[Shown, ...]) -> list[str]:
    return [one.cell.id for one in shown]


def _fill(store: Store) -> None:
    """Four runs of two cells each; the last cell of each is red, all of run 4 waits."""
    enrol(store, 6)
    for number, ref in enumerate(("trunk", "topic", "trunk"), 1):
        ask(store, plan(arch("kvm"), arch("xen"), sha=f"{number}a"), ref=ref)
        store.queue.grant(first_fit, later(number))
        for name, ruling in (("kvm", PASSED), ("xen", RED)):
            judge(store, AttemptId(f"{number}/{name}/1"), ruling)
            store.queue.release(AttemptId(f"{number}/{name}/1"))
    ask(store, plan(arch("kvm"), arch("xen")), requester="bob", lane=Lane.NIGHTLY)


def test_runs_come_newest_first_page_by_page_though_others_come(store: Store) -> None:
    _fill(store)
    first = store.board.runs(Sought(), 2)
    assert [one.run.id for one in first] == [4, 3]
    ask(store, plan(arch("kvm")))
    rest = store.board.runs(Sought(), 9, before=first[-1].run.id)
    assert [one.run.id for one in rest] == [2, 1]


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought(repo="nova"), [4, 3, 2, 1]),
        (Sought(repo="glance"), []),
        (Sought(ref="topic"), [2]),
        (Sought(repo="nova", ref="trunk", requester="ann"), [3, 1]),
        (Sought(requester="bob"), [4]),
        (Sought(requester="bob", lane="asked"), []),
        (Sought(lane="nightly"), [4]),
        (Sought(unsettled=True), [4]),
        (Sought(unsettled=True, ref="topic"), []),
    ],
)
def test_every_filter_of_runs_narrows(store: Store, sought: Sought, found: list[int]) -> None:
    _fill(store)
    assert [one.run.id for one in store.board.runs(sought, 9)] == found


def test_a_run_has_a_version_once_nothing_of_it_can_change(store: Store) -> None:
    enrol(store, 1)
    ask(store, plan(arch("kvm")))
    only = AttemptId("1/kvm/1")
    versions = [store.board.listed([RunId(1)])[0].version]
    store.queue.grant(first_fit, NOW)
    judge(store, only, RED)
    versions.append(store.board.listed([RunId(1)])[0].version)
    store.queue.release(only)
    versions.append(store.board.listed([RunId(1)])[0].version)
    store.queue.recheck(CellId("1/kvm"), NOW)
    versions.append(store.board.listed([RunId(1)])[0].version)
    assert versions == [0, 0, 1, 0]
    assert store.board.listed([RunId(7)]) == ()


def test_a_settled_attempt_keeps_its_summary(store: Store) -> None:
    enrol(store, 1)
    ask(store, plan(arch("kvm")))
    store.queue.grant(first_fit, later(5))
    only = AttemptId("1/kvm/1")
    tests = tuple(
        TestResult(name=outcome, outcome=outcome, seconds=1)
        for outcome in (Outcome.PASSED, Outcome.ERROR)
    )
    store.events.append(only, [Event(kind=Kind.FINISHED, stage=Stage.LEASE)], later(5))
    store.events.append(only, [Event(kind=Kind.STARTED, stage=Stage.SMOKE)], later(7))
    ends = (
        Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=tests),
        Event(kind=Kind.FINISHED, stage=Stage.SMOKE),
    )
    store.events.append(only, ends, later(9))
    assert store.board.of_runs([RunId(1)])[RunId(1)][0].summary is None
    judge(store, only, RED)
    shown = store.board.of_runs([RunId(1)])[RunId(1)][0]
    assert shown.summary is not None
    assert (shown.summary.phases.smoke, shown.summary.phases.deploy) == (2.0, None)
    assert (shown.summary.tests.passed, shown.summary.tests.failed) == (1, 1)
    assert shown.cell == store.runs.cell(CellId("1/kvm"))
    assert store.board.past([only])[only] == store.events.of(only)


def test_cells_are_sought_by_arch_and_verdict_page_by_page(store: Store) -> None:
    _fill(store)
    red = SoughtCells(verdict=Verdict.FAILED)
    first, further = store.board.cells(red, 2)
    assert _names(first) == ["3/xen", "2/xen"]
    second, end = store.board.cells(red, 2, further)
    assert (_names(second), end) == (["1/xen"], None)
    of_arch, _ = store.board.cells(SoughtCells(arch="kvm"), 9)
    assert _names(of_arch) == ["4/kvm", "3/kvm", "2/kvm", "1/kvm"]
    both = SoughtCells(arch="xen", verdict=Verdict.FAILED, runs=Sought(ref="topic"))
    assert _names(store.board.cells(both, 9)[0]) == ["2/xen"]
    assert store.board.cells(SoughtCells(arch="none"), 9) == ((), None)
    every, seen = None, []
    while every != "over":
        page, after = store.board.cells(SoughtCells(), 3, every)
        seen, every = seen + _names(page), after or "over"
    assert seen == [f"{run}/{name}" for run in (4, 3, 2, 1) for name in ("kvm", "xen")]


def test_who_waits_who_runs_and_who_has_what(store: Store) -> None:
    _fill(store)
    assert store.board.under_way() == ()
    assert [(one.why, one.count) for one in store.board.waiting()] == [("", 2)]
    store.queue.grant(first_fit, later(20))
    assert _names(store.board.under_way()) == ["4/kvm", "4/xen"]
    assert all(one.cell.state is State.RUNNING for one in store.board.under_way())
    now = store.board.leases()
    assert [(one.node, one.attempt, one.freed) for one in now] == [
        ("n0", "4/kvm/1", False),
        ("n1", "4/xen/1", False),
    ]
    had = store.board.leases_of("n0", 2)
    assert [one.attempt for one in had] == ["4/kvm/1", "3/kvm/1"]
    before = store.board.leases_of("n0", 2, before=had[-1].token)
    assert [(one.attempt, one.freed) for one in before] == [("2/kvm/1", True), ("1/kvm/1", True)]
    assert had[0].granted_at == later(20)
    assert later(20) - NOW == timedelta(seconds=20)


def test_the_events_of_one_run_come_in_their_order(store: Store) -> None:
    _fill(store)
    found = store.events.of_run(RunId(2), 0)
    assert {attempt for attempt, _ in found} == {"2/kvm/1", "2/xen/1"}
    positions = [event.seq for _, event in found]
    assert positions == sorted(positions)
    assert store.events.of_run(RunId(2), positions[0], 1)[0][1].seq == positions[1]
