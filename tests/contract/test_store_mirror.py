"""The queue in memory is the queue in the store, whoever changed it meanwhile and how."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.drivers.store import queue
from orchestrator.drivers.store.mirror import Mirror
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId
from orchestrator.model.lease import Schedule, Situation, Turn, Waiting
from orchestrator.model.request import Lane
from tests.contract.storing import (
    BROKEN,
    KINDS,
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


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """Another process's view of the same store."""
    opened = open_store(store.database._url.render_as_string(hide_password=False))
    yield opened
    opened.database.close()


def binding(item: Waiting) -> Waiting:
    """Return who waits without what it was told that binds nobody."""
    return item if item.why and item.why.promised else replace(item, why=None)


class Looker:
    """Compares what a mirror shows with what the store says."""

    def __init__(self, store: Store) -> None:
        self._store, self._mirror = store, Mirror()

    def look(self, *, whole: bool = False) -> tuple[Waiting, ...]:
        with self._store.database.write() as tx:
            seen = self._mirror.queue(tx, whole=whole)
        stored = self._store.queue.situation(later(0)).queue
        if whole:
            assert seen == stored
        assert list(map(binding, seen)) == list(map(binding, stored))
        return seen

    def names(self) -> list[str]:
        return [item.attempt for item in self.look()]


def promising(situation: Situation) -> Schedule:
    """Give nothing, and promise everybody a time."""
    told = first_fit(replace(situation, nodes=()))
    return replace(told, waits=tuple((a, replace(w, promised=later(9))) for a, w in told.waits))


def test_it_follows_whatever_another_process_does(store: Store, other: Store) -> None:
    mirror = Looker(store)
    assert mirror.names() == []
    enrol(other, 2)
    ask(other, plan(arch("kvm"), arch("xen", 2), arch("esx")))
    assert mirror.names() == ["1/kvm/1", "1/xen/1", "1/esx/1"]
    other.queue.grant(first_fit, later(1))
    assert mirror.names() == ["1/xen/1"]
    other.queue.promote([CellId("1/xen")], "a release", later(2))
    assert [item.priority for item in mirror.look()] == [-1]
    judge(other, AttemptId("1/kvm/1"), BROKEN, frozenset({"n0"}))
    (tried, _) = mirror.look()
    assert (tried.attempt, tried.exclude, tried.place) == ("1/kvm/2", frozenset({"n0"}), 0)
    other.queue.cancel(AttemptId("1/kvm/2"), later(3))
    assert mirror.names() == ["1/xen/1"]
    judge(other, AttemptId("1/esx/1"), PASSED)
    other.queue.recheck(CellId("1/esx"), later(4))
    assert mirror.names() == ["1/xen/1", "1/esx/2"]


def test_it_follows_a_newer_commit_and_another_way(store: Store, other: Store) -> None:
    mirror = Looker(store)
    ask(other, plan(arch("kvm"), sha="aa"), lane=Lane.MERGED)
    assert mirror.names() == ["1/kvm/1"]
    ask(other, plan(arch("kvm"), sha="bb"), lane=Lane.MERGED)
    assert mirror.names() == ["2/kvm/1"]
    enrol(other, 1)
    other.queue.grant(first_fit, later(1))
    event = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=BROKEN)
    other.events.append(
        AttemptId("2/kvm/1"), [event], later(2), retry=frozenset(), turn=Turn(number=2)
    )
    assert mirror.names() == ["2/kvm/2"]


def test_promises_are_seen_at_once_and_other_reasons_with_the_whole_queue(
    store: Store, other: Store
) -> None:
    mirror = Looker(store)
    ask(other, plan(arch("kvm"), arch("xen")))
    first = mirror.look()
    other.queue.grant(promising, later(1))
    second = mirror.look()
    assert [item.why and item.why.promised for item in second] == [later(9)] * 2
    assert [item is old for item, old in zip(mirror.look(), second, strict=True)] == [True, True]
    assert first != second
    other.queue.grant(lambda seen: first_fit(replace(seen, nodes=())), later(2))
    assert [item.why and item.why.promised for item in mirror.look(whole=True)] == [None] * 2


def test_of_a_long_line_not_everybody_is_told_each_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_FEW", 0)
    ask(store, plan(arch("kvm")))
    with store.database.write() as tx:
        tx.run("pass_told", ended=tx.clock(), took=5000)
    told = []

    def decide(situation: Situation) -> Schedule:
        told.append(situation.tell)
        return Schedule(grants=(), waits=())

    store.queue.grant(decide, later(1))
    assert store.queue.due(woken=False) is False
    with store.database.write() as tx:
        tx.run("pass_told", ended=tx.clock() - 19 * 5000, took=5000)
    assert store.queue.due(woken=False) is True
    store.queue.grant(decide, later(2))
    assert told == [False, True]


@pytest.mark.parametrize(
    ("nodes", "since", "due"), [(8, 15, True), (9, 15, False), (9, 60, True), (8, 5, False)]
)
def test_a_pass_rests_unless_many_machines_are_free(
    store: Store, nodes: int, since: int, due: bool
) -> None:
    enrol(store, nodes)
    ask(store, plan(arch("kvm", nodes - 1)))
    store.queue.grant(first_fit, later(1))
    ask(store, plan(arch("kvm")))
    with store.database.write() as tx:
        tx.run("pass_keep", ended=tx.clock() - 1000 * since, took=10_000)
    assert store.queue.due(woken=True) is due
