"""The law of the store port: the queue."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.opened import Store
from orchestrator.model.errors import Bug, Cancelled, ConfigError, LeaseLost, NotFound
from orchestrator.model.event import Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, attempt_id
from orchestrator.model.lease import (
    Account,
    Grant,
    Ledger,
    Placement,
    Reason,
    Schedule,
    Situation,
    Why,
)
from orchestrator.model.node import NodeState
from orchestrator.model.request import Lane
from orchestrator.model.run import State
from orchestrator.model.verdict import Ruling, Verdict
from orchestrator.ports.store import Enrolled
from tests.contract.storing import (
    KINDS,
    NOW,
    PASSED,
    arch,
    ask,
    enrol,
    first_fit,
    judge,
    kinds,
    later,
    plan,
    queue_of,
    start,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)


class TestGrant:
    def test_a_gang_is_leased_under_new_tokens_and_told_so(self, store: Store) -> None:
        enrol(store, 3)
        attempt = start(store, nodes=2)
        leases = store.queue.leases(attempt)
        assert [(x.node, x.role, x.token) for x in leases] == [
            ("n0", "control", 1),
            ("n1", "compute", 1),
        ]
        assert store.queue.granted() == (attempt,)
        queued, *leased, over = store.events.of(attempt)
        assert kinds([queued, over]) == [(Stage.LEASE, Kind.STARTED), (Stage.LEASE, Kind.FINISHED)]
        assert [(event.kind, event.node) for event in leased] == [
            (Kind.LEASED, "n0"),
            (Kind.LEASED, "n1"),
        ]
        assert over.at - queued.at == timedelta(seconds=5)
        assert store.runs.cell(CellId("1/kvm")).state is State.RUNNING

    def test_the_token_grows_with_each_lease(self, store: Store) -> None:
        enrol(store, 1)
        tokens = []
        for _ in range(3):
            attempt = start(store)
            tokens += [lease.token for lease in store.queue.leases(attempt)]
            judge(store, attempt, PASSED)
            store.queue.release(attempt)
        assert tokens == [1, 2, 3]

    def test_who_waits_is_told_why(self, store: Store) -> None:
        enrol(store, 1)
        ask(store, plan(arch("kvm", 2)))
        schedule = store.queue.grant(first_fit, NOW)
        why = Why(reason=Reason.BUSY, text="waits for 2 machines")
        assert schedule.waits == (("1/kvm/1", why),)
        cell = store.runs.cell(CellId("1/kvm"))
        assert (cell.why, cell.wait) == ("waits for 2 machines", why)
        assert queue_of(store)[0].why == why

    def test_the_scheduler_sees_needs_and_standing(self, store: Store) -> None:
        enrol(store, 3)
        first = start(store, nodes=2)
        ask(store, plan(arch("xen", 2, ("san",))))
        store.nodes.mark("n2", first, "1a2b3c", NOW)
        store.nodes.enrol(
            [*(Enrolled(name=f"n{n}", capabilities=frozenset({"kvm"})) for n in range(4))], NOW
        )
        store.nodes.set_state("n1", NodeState.DRAINED, "fan", NOW)

        def look(situation: Situation) -> Schedule:
            (item,), nodes = situation.queue, situation.nodes
            assert (item.owner, item.arch, item.lane) == ("ann", "xen", Lane.ASKED)
            assert (nodes[0].holder, nodes[0].arch, nodes[0].preparing) == (first, "kvm", True)
            assert (nodes[0].since, nodes[1].since) == (later(5), None)
            assert [(need.role, need.capabilities) for need in item.needs] == [
                ("control", frozenset()),
                ("compute", frozenset({"x86_64", "kvm"})),
            ]
            assert (item.asked_at, item.priority, item.semaphores) == (NOW, 0, ("san",))
            assert [(node.name, node.free, node.marks) for node in nodes] == [
                ("n0", False, 0),
                ("n2", True, 1),
                ("n3", True, 0),
            ]
            assert nodes[0].capabilities == {"kvm"}
            return Schedule(grants=(), waits=())

        store.queue.grant(look, NOW)

    def test_the_queue_is_shown_as_it_was_asked(self, store: Store) -> None:
        ask(store, plan(arch("b"), arch("a")), lane=Lane.NIGHTLY)
        ask(store, plan(arch("a")), lane=Lane.MERGED)
        assert [(item.attempt, item.owner, item.priority) for item in queue_of(store)] == [
            ("1/b/1", "nova", 0),
            ("1/a/1", "nova", 0),
            ("2/a/1", "nova", 0),
        ]

    def test_the_ledger_is_kept_with_the_grants(self, store: Store) -> None:
        enrol(store, 1)
        ask(store, plan(arch("kvm")))
        ann = Account(owner="ann", spent=12.5, served_at=NOW)
        seen: list[Ledger] = []

        def decide(situation: Situation) -> Schedule:
            seen.append(situation.ledger)
            kept = Ledger(clock=7.25, accounts=(ann,))
            return replace(first_fit(situation), ledger=kept)

        store.queue.grant(decide, NOW)
        ask(store, plan(arch("kvm")))
        store.queue.grant(decide, NOW)
        assert seen == [Ledger(), Ledger(clock=7.25, accounts=(ann,))]

    def test_a_semaphore_is_given_to_one(self, store: Store) -> None:
        enrol(store, 4)
        ask(store, plan(arch("kvm", 1, ("san",)), arch("xen", 1, ("san",)), arch("other")))
        first = store.queue.grant(first_fit, NOW)
        assert [grant.attempt for grant in first.grants] == ["1/kvm/1", "1/other/1"]
        why = "waits for san, which 1/kvm/1 has"
        assert store.runs.cell(CellId("1/xen")).why == why
        assert queue_of(store) == ()
        assert store.runs.cell(CellId("1/xen")).why == why
        judge(store, AttemptId("1/kvm/1"), PASSED)
        store.queue.release(AttemptId("1/kvm/1"))
        assert [g.attempt for g in store.queue.grant(first_fit, NOW).grants] == ["1/xen/1"]

    @pytest.mark.parametrize("nodes", [("n0", "n9"), ("n1", "n1"), ("n1", "gone"), ("n1",)])
    def test_a_wrong_schedule_is_refused_and_nothing_kept(
        self, store: Store, nodes: tuple[str, ...]
    ) -> None:
        enrol(store, 3)
        start(store)
        ask(store, plan(arch("xen", 2)))
        before = store.events.since(0)

        def wrong(situation: Situation) -> Schedule:
            queue = situation.queue
            pairs = zip(queue[0].needs, nodes, strict=False)
            chosen = tuple(Placement(role=need.role, node=node) for need, node in pairs)
            return Schedule(grants=(Grant(attempt=queue[0].attempt, placements=chosen),), waits=())

        with pytest.raises(Bug, match="scheduler gave 2/xen/1"):
            store.queue.grant(wrong, NOW)
        assert store.events.since(0) == before
        assert store.queue.leases(AttemptId("2/xen/1")) == ()

    def test_nothing_is_decided_when_nobody_waits(self, store: Store) -> None:
        enrol(store, 1)
        start(store)

        def never(*_: object) -> Schedule:
            raise AssertionError

        assert store.queue.grant(never, NOW) == Schedule(grants=(), waits=())


class TestQueue:
    def test_release_gives_the_nodes_back_and_can_be_repeated(self, store: Store) -> None:
        enrol(store, 1)
        first = start(store)
        judge(store, first, PASSED)
        store.queue.hold(first, later(900))
        for _ in range(2):
            store.queue.release(first)
            assert store.queue.leases(first) == ()
            assert (store.queue.granted(), store.queue.held_until(first)) == ((), None)
        second = start(store)
        store.queue.release(first)
        assert [lease.node for lease in store.queue.leases(second)] == ["n0"]

    def test_recheck_queues_a_fresh_attempt(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        cell = CellId("1/kvm")
        with pytest.raises(ConfigError, match="1/kvm runs"):
            store.queue.recheck(cell, NOW)
        judge(store, attempt, PASSED)
        store.queue.release(attempt)
        for _ in range(2):
            assert store.queue.recheck(cell, later(100)) == attempt_id(cell, 2)
        found = store.runs.cell(cell)
        assert (found.state, found.ruling) == (State.WAITING, None)
        assert found.attempts == ("1/kvm/1", "1/kvm/2")
        assert (queue_of(store)[0].exclude, queue_of(store)[0].asked_at) == (set(), later(100))
        with pytest.raises(NotFound, match="1/xen"):
            store.queue.recheck(CellId("1/xen"), NOW)

    def test_cancel_settles_who_waits(self, store: Store) -> None:
        ask(store, plan(arch("kvm")))
        attempt = AttemptId("1/kvm/1")
        for _ in range(2):
            assert store.queue.cancel(attempt, later(3))
            cell = store.runs.cell(CellId("1/kvm"))
            assert (cell.state, cell.ruling and cell.ruling.verdict) == (
                State.DONE,
                Verdict.CANCELLED,
            )
        assert kinds(store.events.of(attempt)) == [
            (Stage.LEASE, Kind.STARTED),
            (Stage.LEASE, Kind.FAILED),
            (Stage.VERDICT, Kind.JUDGED),
        ]
        assert queue_of(store) == ()

    def test_cancel_stops_who_runs_and_leaves_who_is_done(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        store.queue.guard(attempt)
        for _ in range(2):
            assert not store.queue.cancel(attempt, NOW)
            with pytest.raises(Cancelled, match=attempt):
                store.queue.guard(attempt)
        judge(store, attempt, Ruling(verdict=Verdict.CANCELLED))
        store.queue.guard(attempt)
        done = store.events.of(attempt)
        assert not store.queue.cancel(attempt, NOW)
        assert store.events.of(attempt) == done

    def test_the_guard_refuses_who_has_no_machines(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        judge(store, attempt, PASSED)
        store.queue.release(attempt)
        with pytest.raises(LeaseLost, match=attempt):
            store.queue.guard(attempt)
        waiting = AttemptId(f"{ask(store, plan(arch('kvm'))).id}/kvm/1")
        with pytest.raises(LeaseLost, match=waiting):
            store.queue.guard(waiting)
        with pytest.raises(NotFound, match="9/kvm/1"):
            store.queue.guard(AttemptId("9/kvm/1"))

    def test_a_hold_lasts_until_changed_or_released(self, store: Store) -> None:
        enrol(store, 1)
        attempt = start(store)
        assert store.queue.held_until(attempt) is None
        for until in (later(60), later(900), later(900)):
            store.queue.hold(attempt, until)
            assert store.queue.held_until(attempt) == until
        judge(store, attempt, PASSED)
        assert check(store.database, at_rest=True) == ()
        store.queue.release(attempt)
        with pytest.raises(NotFound, match="no machines to hold"):
            store.queue.hold(attempt, later(60))

    def test_promoted_attempts_go_before_everybody(self, store: Store) -> None:
        enrol(store, 1)
        start(store)
        ask(store, plan(arch("kvm"), arch("xen")), lane=Lane.NIGHTLY)
        cells = [CellId("1/kvm"), CellId("2/xen")]
        for _ in range(2):
            assert store.queue.promote(cells, "a hotfix", NOW) == ("2/xen/1",)
        situation = store.queue.situation(later(7))
        assert situation.now == later(7)
        assert [(w.attempt, w.priority < 0) for w in situation.queue] == [
            ("2/kvm/1", False),
            ("2/xen/1", True),
        ]
        assert [node.free for node in situation.nodes] == [False]
        assert store.events.of(AttemptId("2/xen/1"))[-1].text == "promoted: a hotfix"
        with pytest.raises(NotFound, match="9/kvm"):
            store.queue.promote([CellId("9/kvm")], "a hotfix", NOW)
