"""Cells that are settled when they are asked for, and the lane where the newest commit wins."""

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.model.event import Kind
from orchestrator.model.ids import AttemptId, CellId
from orchestrator.model.request import Lane, Request
from orchestrator.model.run import Run, State
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.contract.storing import (
    BROKEN,
    KINDS,
    NOW,
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
SKIPPED = Ruling(verdict=Verdict.SKIPPED, cause="1a2b3c has no xenapi/driver.py")


def merged(store: Store, sha: str, *archs: str, ref: str = "trunk") -> Run:
    what = plan(*map(arch, archs or ("kvm", "xen")), sha=sha)
    return ask(store, what, lane=Lane.MERGED, ref=ref)


def rulings(store: Store, run: Run) -> dict[str, Ruling | None]:
    return {cell.arch.name: cell.ruling for cell in store.runs.cells(run.id)}


def test_some_cells_are_settled_when_asked_for_and_the_others_wait(store: Store) -> None:
    request = Request(repo="nova", ref="trunk", requester="ann", key="once")
    what = plan(arch("kvm"), arch("xen"))
    run = store.runs.add(request, what, {"xen": SKIPPED}, NOW)
    assert run.state is State.RUNNING
    assert rulings(store, run) == {"kvm": None, "xen": SKIPPED}
    assert store.runs.cell(CellId(f"{run.id}/xen")).state is State.DONE
    events = store.events.of(AttemptId(f"{run.id}/xen/1"))
    assert [(event.kind, event.text) for event in events] == [(Kind.JUDGED, SKIPPED.cause)]
    assert store.runs.add(request, what, {}, later(1)) == run
    enrol(store, 2)
    granted = store.queue.grant(first_fit, later(2)).grants
    assert [grant.attempt for grant in granted] == [f"{run.id}/kvm/1"]


def test_a_run_of_skipped_cells_only_is_done(store: Store) -> None:
    request = Request(repo="nova", ref="trunk", requester="ann")
    run = store.runs.add(request, plan(arch("xen")), {"xen": SKIPPED}, NOW)
    assert run.state is State.DONE


def test_the_newest_commit_takes_the_place_of_those_that_wait(store: Store) -> None:
    old = merged(store, "aa")
    new = merged(store, "bb", "kvm", "hyperv")
    why = f"superseded by run {new.id}, which has a newer commit of trunk"
    assert rulings(store, old) == {
        "kvm": Ruling(verdict=Verdict.CANCELLED, cause=why),
        "xen": None,
    }
    assert rulings(store, new) == {"kvm": None, "hyperv": None}
    events = store.events.of(AttemptId(f"{old.id}/kvm/1"))
    assert [event.kind for event in events] == [Kind.STARTED, Kind.FAILED, Kind.JUDGED]


def test_other_branches_lanes_and_repositories_are_left_alone(store: Store) -> None:
    others = [
        merged(store, "aa", ref="stable"),
        ask(store, plan(arch("kvm"), sha="aa")),
        ask(store, plan(arch("kvm"), sha="aa"), lane=Lane.NIGHTLY),
        ask(store, plan(arch("kvm"), sha="aa"), lane=Lane.MERGED, repo="glance"),
    ]
    merged(store, "bb", "kvm", "xen")
    ask(store, plan(arch("kvm"), sha="cc"))
    assert all(set(rulings(store, run).values()) == {None} for run in others)


def test_what_runs_goes_on_but_is_not_tried_again(store: Store) -> None:
    enrol(store, 1)
    old = merged(store, "aa", "kvm")
    store.queue.grant(first_fit, later(1))
    new = merged(store, "bb", "kvm")
    assert rulings(store, old) == {"kvm": None}
    attempt = AttemptId(f"{old.id}/kvm/1")
    judge(store, attempt, BROKEN, retry=frozenset({"n0"}))
    store.queue.release(attempt)
    cell = store.runs.cell(CellId(f"{old.id}/kvm"))
    assert (cell.state, cell.ruling, len(cell.attempts)) == (State.DONE, BROKEN, 1)
    assert store.events.of(attempt)[-1].text.endswith(
        f"superseded by run {new.id}, which has a newer commit"
    )
    assert [g.attempt for g in store.queue.grant(first_fit, later(9)).grants] == [f"{new.id}/kvm/1"]


def test_a_settled_cell_supersedes_nothing(store: Store) -> None:
    old = merged(store, "aa", "kvm")
    broken = Ruling(verdict=Verdict.BROKEN, blame=Blame.CONFIG, cause="no such patch")
    ask(store, plan(arch("kvm"), sha="bb"), broken, lane=Lane.MERGED)
    assert rulings(store, old) == {"kvm": None}
