"""The law of the store port: workers, and walks that are taken over."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store
from orchestrator.model.errors import LeaseLost, NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.worker import Worker
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
    start,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)

LONG = timedelta(hours=1)
NOTE = Event(kind=Kind.NOTE, stage=Stage.DEPLOY, text="late")


def worker(name: str) -> Worker:
    return Worker(name=name, host="h", pid=7, version="1", since=NOW)


def names(workers: Sequence[Worker]) -> list[str]:
    return [found.name for found in workers]


class TestWorkers:
    def test_who_beats_is_alive_by_the_stores_clock(self, store: Store) -> None:
        assert not store.workers.beat(worker("a"))
        assert store.workers.beat(worker("a"))
        (found,) = store.workers.all()
        assert (found.host, found.pid, found.version, found.since) == ("h", 7, "1", NOW)
        assert found.heard
        assert found.heard > NOW
        assert store.workers.bury(LONG) == ()
        assert names(store.workers.all()) == ["a"]

    def test_who_is_silent_is_buried_once_and_told_so(self, store: Store) -> None:
        store.workers.beat(worker("a"))
        store.workers.beat(worker("b"))
        store.workers.beat(worker("c"))
        assert sorted(store.workers.bury(timedelta(seconds=-1), ["c", "d"])) == ["a", "b"]
        assert store.workers.bury(timedelta(seconds=-1)) == ("c",)
        assert store.workers.bury(timedelta(seconds=-1)) == ()
        assert not store.workers.beat(worker("a"))
        assert names(store.workers.all()) == ["a"]

    def test_who_leaves_is_not_waited_for(self, store: Store) -> None:
        store.workers.beat(worker("a"))
        for _ in range(2):
            store.workers.leave("a")
        assert store.workers.all() == ()


class TestTerm:
    def test_a_lease_stands_for_its_term_and_as_long_as_its_worker_renews_it(
        self, store: Store
    ) -> None:
        enrol(store, 4)
        attempts = [start(store) for _ in range(4)]
        for attempt, walker in zip(attempts, ("a", "b", "a"), strict=False):
            store.queue.walk(attempt, walker)
        # they were just granted or taken up
        assert store.workers.lapsed(timedelta(0)) == ()
        # b is dead, and the last was never taken up; a does not say what it walks
        store.workers.beat(worker("a"))
        gone = ((attempts[1], "b"), (attempts[3], ""))
        assert store.workers.lapsed(LONG) == gone
        # it says so now, and has lost one
        store.workers.beat(worker("a"), [attempts[0]])
        assert store.workers.lapsed(LONG) == (gone[0], (attempts[2], ""), gone[1])
        store.workers.beat(worker("a"), [attempts[0], attempts[2]])
        assert store.workers.lapsed(LONG) == gone
        store.workers.beat(worker("a"), [])
        assert [attempt for attempt, _ in store.workers.lapsed(LONG)] == attempts

    def test_names_that_begin_alike_are_not_taken_for_each_other(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        store.queue.walk(attempt, "a")
        store.workers.beat(worker("a"), [AttemptId(f"{attempt}1"), AttemptId(f"1{attempt}")])
        assert store.workers.lapsed(LONG) == ((attempt, ""),)

    def test_the_hosts_clocks_do_not_count(self, store: Store) -> None:
        enrol(store, 1)
        run = ask(store, plan(arch("kvm")))
        # by a host that is years behind; the other tests' is
        store.queue.grant(first_fit, NOW - timedelta(days=9000))
        assert store.workers.lapsed(timedelta(0)) == ()
        assert store.workers.lapsed(timedelta(seconds=11)) == ((f"{run.id}/kvm/1", ""),)

    def test_who_took_it_over_and_why_is_told(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        store.workers.beat(worker("b"))
        for walker in ("a", "b", "b", "c"):
            store.queue.walk(attempt, walker)
        told = [e for e in store.events.of(attempt) if e.kind is Kind.NOTE]
        assert [event.text for event in told] == [
            "b took it over from a, which ended or was not heard any more",
            "b goes on with it",
            "c took it over from b, which lives and walked it no more",
        ]
        assert all(event.at and event.at > NOW for event in told)

    def test_a_lease_that_its_living_worker_forgot_is_found(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        store.queue.walk(attempt, "a")
        store.workers.beat(worker("a"), [attempt])
        assert check(store.database) == ()
        with store.database.write() as tx:
            tx.run("attempt_walk", attempt=attempt, walker="a", term=1)
        assert check(store.database) == ()
        store.workers.beat(worker("a"), [])
        wrong = (f"{attempt} has machines that a took up and walks no more",)
        assert check(store.database) == wrong
        with store.database.write() as tx:
            tx.run("attempt_walk", attempt=attempt, walker="a", term=0)
        store.workers.beat(worker("a"), [attempt])
        assert check(store.database) == (f"{attempt} is walked by a, but its lease has no term",)
        store.queue.walk(attempt, "a")


class TestWalk:
    def test_no_stage_begins_without_machines_and_the_last_word_is_kept(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        walk = store.queue.walk(attempt, "a")
        judge(store, attempt, PASSED)
        store.queue.release(attempt, walk)
        before = store.events.of(attempt)
        begun = Event(kind=Kind.STARTED, stage=Stage.REPORT)
        with pytest.raises(LeaseLost, match="has no machines any more"):
            store.events.append(attempt, [begun], NOW, walk=walk)
        assert store.events.of(attempt) == before
        over = Event(kind=Kind.FINISHED, stage=Stage.RELEASE)
        store.events.append(attempt, [over], NOW, walk=walk)
        assert store.events.of(attempt)[-1].kind is Kind.FINISHED

    def test_who_tells_what_happened_hears_that_it_is_to_stop(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        assert not store.events.append(attempt, [NOTE], NOW)
        store.queue.cancel(attempt, NOW)
        assert store.events.append(attempt, [NOTE], NOW)

    def test_an_event_that_has_a_time_keeps_it(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        store.events.append(attempt, [replace(NOTE, at=later(3)), NOTE], later(4))
        assert [event.at for event in store.events.of(attempt)[-2:]] == [later(3), later(4)]

    def test_a_newer_walk_refuses_the_older_one(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        first = store.queue.walk(attempt, "a")
        store.queue.guard(attempt, first)
        store.events.append(attempt, [NOTE], NOW, walk=first)
        second = store.queue.walk(attempt, "b")
        assert (first, second) == (1, 2)
        before = store.events.of(attempt)
        for late in (
            lambda: store.queue.guard(attempt, first),
            lambda: store.events.append(attempt, [NOTE], NOW, walk=first),
            lambda: store.queue.release(attempt, first),
        ):
            with pytest.raises(LeaseLost, match="taken over by another worker"):
                late()
        assert store.events.of(attempt) == before
        assert store.queue.leases(attempt)
        store.queue.guard(attempt, second)
        judge(store, attempt, PASSED)
        store.queue.release(attempt, second)
        # what was released already is so for whoever asks
        store.queue.release(attempt, first)

    def test_there_is_no_walk_without_machines(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        judge(store, attempt, PASSED)
        store.queue.release(attempt)
        with pytest.raises(LeaseLost, match=attempt):
            store.queue.walk(attempt, "a")
        waiting = AttemptId(f"{ask(store, plan(arch('kvm'))).id}/kvm/1")
        with pytest.raises(LeaseLost, match=waiting):
            store.queue.walk(waiting, "a")

    def test_what_is_done_together_succeeds_or_fails_by_itself(self, store: Store) -> None:
        enrol(store, 8)
        attempts = [start(store) for _ in range(8)]
        for attempt in attempts:
            store.queue.walk(attempt, "a")
        stale = attempts[3]
        store.queue.walk(stale, "b")
        asked = [*attempts, AttemptId("9/none/1")] * 3

        def late(attempt: AttemptId) -> str:
            try:
                store.events.append(attempt, [NOTE], NOW, walk=1)
            except (LeaseLost, NotFound) as error:
                return type(error).__name__
            return "kept"

        with ThreadPoolExecutor(len(asked)) as pool:
            said = list(pool.map(late, asked))
        wanted = {stale: "LeaseLost", "9/none/1": "NotFound"}
        assert said == [wanted.get(attempt, "kept") for attempt in asked]
        for attempt in attempts:
            notes = [e for e in store.events.of(attempt) if e.text == NOTE.text]
            assert len(notes) == (0 if attempt == stale else 3)

    def test_a_cell_is_aimed_alone(self, store: Store) -> None:
        run = ask(store, plan(arch("kvm"), arch("xen", 2)))
        found, snapshot = store.runs.aim(f"{run.id}/xen")
        assert (found.name, snapshot.commit.sha) == ("xen", "1a2b3c")
        with pytest.raises(NotFound, match="no cell 1/none"):
            store.runs.aim("1/none")
