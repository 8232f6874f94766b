"""The law of the store port: runs, events and the database itself."""

import secrets
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.errors import Bug, ConfigError, NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, RunId
from orchestrator.model.node import Access
from orchestrator.model.request import Lane, Patch
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import Run, State
from orchestrator.model.verdict import Blame, Ruling, Verdict
from tests.contract.storing import (
    BROKEN,
    KINDS,
    NOW,
    PASSED,
    arch,
    ask,
    database,
    enrol,
    first_fit,
    give,
    judge,
    kinds,
    later,
    plan,
    queue_of,
    start,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)


class TestRuns:
    def test_a_run_is_stored_with_its_plan_and_first_attempts(self, store: Store) -> None:
        what = plan(arch("kvm-flat", 3), arch("xen-vlan", 2, ("san",)))
        run = ask(store, what, reason="before the merge", lane=Lane.MERGED)
        assert run == Run(
            id=RunId(1),
            repo="nova",
            ref="trunk",
            commit=what.snapshot.commit,
            lane=Lane.MERGED,
            requester="ann",
            reason="before the merge",
            asked_at=NOW,
            state=State.WAITING,
        )
        assert store.runs.run(run.id) == run
        assert store.runs.plan(run.id) == what
        first, second = store.runs.cells(run.id)
        assert (first.id, first.arch, first.attempts) == (
            "1/kvm-flat",
            what.archs[0],
            ("1/kvm-flat/1",),
        )
        assert second == store.runs.cell(CellId("1/xen-vlan"))
        assert (second.state, second.ruling) == (State.WAITING, None)

    def test_runs_count_and_the_newest_comes_first(self, store: Store) -> None:
        runs = [ask(store, plan(arch("kvm")), repo=repo) for repo in ("a", "b", "a")]
        assert [run.id for run in runs] == [1, 2, 3]
        assert store.runs.runs() == (runs[2], runs[1], runs[0])
        assert store.runs.runs(repo="a", limit=1) == (runs[2],)

    def test_a_repeated_key_finds_the_first_run(self, store: Store) -> None:
        first = ask(store, plan(arch("kvm")), key="merge-77")
        again = ask(store, plan(arch("xen")), key="merge-77")
        assert again == first
        assert [cell.arch.name for cell in store.runs.cells(first.id)] == ["kvm"]
        assert ask(store, plan(arch("kvm"))).id == 2

    def test_a_run_with_a_ruling_is_settled_and_queues_nothing(self, store: Store) -> None:
        enrol(store, 4)
        ruling = Ruling(verdict=Verdict.BROKEN, blame=Blame.CONFIG, cause="a.patch does not apply")
        patch = Patch(name="a.patch", text="--- a\n+++ b\n")
        run = ask(store, plan(arch("kvm"), arch("xen")), ruling, patches=(patch,))
        assert run.state is State.DONE
        assert [cell.ruling for cell in store.runs.cells(run.id)] == [ruling, ruling]
        assert store.queue.grant(first_fit, NOW).grants == ()
        (event,) = store.events.of(AttemptId("1/kvm/1"))
        assert (event.kind, event.ruling) == (Kind.JUDGED, ruling)

    def test_the_matrix_is_the_runs_with_their_cells(self, store: Store) -> None:
        for repo in ("a", "b", "a"):
            ask(store, plan(arch("kvm"), arch("xen")), repo=repo)
        ask(store, plan(), repo="empty")
        enrol(store, 1)
        store.queue.grant(first_fit, NOW)
        judge(store, AttemptId("1/kvm/1"), BROKEN, frozenset({"n0"}))
        recent = store.runs.recent("", 50)
        assert recent == tuple(
            (store.runs.run(RunId(run)), store.runs.cells(RunId(run))) for run in (4, 3, 2, 1)
        )
        assert [run.id for run, _ in store.runs.recent("a", 1)] == [3]
        assert recent[-1][1][0].attempts == ("1/kvm/1", "1/kvm/2")

    def test_a_runs_state_is_that_of_its_cells(self, store: Store) -> None:
        run = ask(store, plan(arch("kvm"), arch("xen"))).id
        enrol(store, 1)
        store.queue.grant(first_fit, NOW)
        assert store.runs.run(run).state is State.RUNNING
        judge(store, AttemptId("1/kvm/1"), PASSED)
        store.queue.release(AttemptId("1/kvm/1"))
        states = [cell.state for cell in store.runs.cells(run)]
        assert (store.runs.run(run).state, states) == (State.RUNNING, [State.DONE, State.WAITING])
        store.queue.grant(first_fit, NOW)
        judge(store, AttemptId("1/xen/1"), PASSED)
        assert store.runs.run(run).state is State.DONE

    @pytest.mark.parametrize("name", ["run", "plan", "cells"])
    def test_an_unknown_run_is_not_found(self, store: Store, name: str) -> None:
        with pytest.raises(NotFound, match="run 7"):
            getattr(store.runs, name)(RunId(7))

    def test_an_unknown_cell_is_not_found(self, store: Store) -> None:
        ask(store, plan(arch("kvm")))
        with pytest.raises(NotFound, match="1/xen"):
            store.runs.cell(CellId("1/xen"))


class TestEvents:
    def test_events_come_back_as_they_were_with_time_and_place(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        before = store.events.of(attempt)
        access = Access(address="192.0.2.7", port=22, user="root", host_key="ssh-ed25519 AAAA")
        tests = (TestResult(name="boots", outcome=Outcome.FAILED, seconds=1.5, message="no MAC"),)
        told = [
            Event(kind=Kind.ARRIVED, stage=Stage.PROVISION, node="n0", access=access),
            Event(kind=Kind.TESTED, stage=Stage.SMOKE, tests=tests, text="1 of 1 failed\x00\udc80"),
        ]
        store.events.append(attempt, told, later(9))
        stored = store.events.of(attempt)[len(before) :]
        shown = replace(told[1], text="1 of 1 failed\x00?")
        assert [replace(event, at=None, seq=0) for event in stored] == [told[0], shown]
        assert {event.at for event in stored} == {later(9)}

    def test_positions_grow_without_gaps_and_resume_a_stream(self, store: Store) -> None:
        enrol(store, 2)
        one, two = start(store), start(store)
        store.events.append(two, [Event(kind=Kind.NOTE, stage=Stage.SMOKE, text="b")], NOW)
        store.events.append(one, [Event(kind=Kind.NOTE, stage=Stage.SMOKE, text="a")], NOW)
        every = store.events.since(0)
        assert [event.seq for _, event in every] == list(range(1, len(every) + 1))
        assert store.events.since(len(every) - 2) == every[-2:]
        assert [(name, event.text) for name, event in every[-2:]] == [(two, "b"), (one, "a")]
        assert store.events.since(0, limit=1) == every[:1]
        assert store.events.since(len(every)) == ()

    def test_a_stages_end_is_stored_once(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        tested = Event(kind=Kind.TESTED, stage=Stage.SMOKE)
        over = Event(kind=Kind.FINISHED, stage=Stage.SMOKE)
        store.events.append(attempt, [tested, over], NOW)
        stored = store.events.of(attempt)
        store.events.append(attempt, [tested, over], later(1))
        store.events.append(attempt, [replace(over, kind=Kind.FAILED, text="late")], later(2))
        assert store.events.of(attempt) == stored
        store.events.append(attempt, [replace(over, stage=Stage.COLLECT)], later(3))
        assert kinds(store.events.of(attempt))[-1] == (Stage.COLLECT, Kind.FINISHED)

    def test_the_first_verdict_stays(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        judge(store, attempt, PASSED)
        judge(store, attempt, BROKEN, frozenset({"n0"}))
        cell = store.runs.cell(CellId("1/kvm"))
        assert (cell.state, cell.ruling, cell.attempts) == (State.DONE, PASSED, (attempt,))

    def test_a_retry_is_queued_with_the_verdict_and_once(self, store: Store) -> None:
        enrol(store, 2)
        attempt = start(store)
        for _ in range(2):
            judge(store, attempt, BROKEN, frozenset({"n0"}))
            cell = store.runs.cell(CellId("1/kvm"))
            assert (cell.state, cell.ruling) == (State.WAITING, None)
            assert cell.attempts == ("1/kvm/1", "1/kvm/2")
        store.queue.release(attempt)
        shown = queue_of(store)
        assert [(item.attempt, item.exclude) for item in shown] == [("1/kvm/2", {"n0"})]
        store.queue.grant(lambda situation: give(situation.queue[0], "n1"), NOW)
        judge(store, AttemptId("1/kvm/2"), BROKEN, frozenset({"n1"}))
        assert queue_of(store)[0].exclude == {"n0", "n1"}

    def test_without_a_retry_the_verdict_is_the_cells(self, store: Store) -> None:
        enrol(store, 1)
        judge(store, start(store), BROKEN)
        cell = store.runs.cell(CellId("1/kvm"))
        assert (cell.state, cell.ruling) == (State.DONE, BROKEN)

    def test_who_was_stopped_is_not_tried_again(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        store.queue.cancel(attempt, NOW)
        judge(store, attempt, BROKEN, frozenset({"n0"}))
        assert store.runs.cell(CellId("1/kvm")).attempts == (attempt,)

    def test_a_verdict_without_a_ruling_is_refused_whole(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        before = store.events.of(attempt)
        note = Event(kind=Kind.NOTE, stage=Stage.VERDICT)
        with pytest.raises(Bug, match="without a ruling"):
            store.events.append(attempt, [note, Event(kind=Kind.JUDGED, stage=Stage.VERDICT)], NOW)
        assert store.events.of(attempt) == before

    def test_an_unknown_attempt_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFound, match="9/kvm/1"):
            store.events.append(AttemptId("9/kvm/1"), [], NOW)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database(request.param, tmp_path) as made:
        yield made


class TestDatabase:
    def test_what_is_stored_is_there_when_opened_again(self, url: str) -> None:
        first = open_store(url)
        run = ask(first, plan(arch("kvm")))
        first.database.close()
        second = open_store(url)
        assert second.runs.run(run.id) == run
        second.database.close()

    def test_a_file_is_the_owners_alone(self, tmp_path: Path) -> None:
        store = open_store(f"sqlite:///{tmp_path}/lab/store.sqlite")
        ask(store, plan(arch("kvm")))
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "lab").iterdir()
        }
        assert modes == dict.fromkeys(
            ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"), 0o600
        )
        store.database.close()

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "/var/lib/store",
            "mysql://u@h/d",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:////proc/none/x",
        ],
    )
    def test_a_url_that_names_no_database_is_refused(self, wrong: str) -> None:
        with pytest.raises(ConfigError, match=r"store\.url"):
            open_store(wrong)

    def test_a_refusal_tells_no_values(self, store: Store) -> None:
        with pytest.raises(Bug, match="refused") as caught:
            store.nodes.mark("no such node", AttemptId("1/x/1"), secrets.token_hex(), NOW)
        assert "no such node" not in str(caught.value)
