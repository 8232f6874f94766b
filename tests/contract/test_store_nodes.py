"""The law of the store port: nodes and boot offers."""

import secrets
from dataclasses import replace

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access, NodeState, NodeStatus
from orchestrator.model.offer import Offer
from orchestrator.ports.store import Enrolled
from tests.contract.storing import (
    BROKEN,
    KINDS,
    NOW,
    PASSED,
    arch,
    ask,
    enrol,
    give,
    judge,
    later,
    plan,
    start,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)


class TestNodes:
    def test_enrolment_keeps_the_standing_of_known_nodes(self, store: Store) -> None:
        enrol(store, 3)
        store.nodes.set_state("n1", NodeState.DRAINED, "new fan", later(1))
        kept = NodeStatus(name="n1", state=NodeState.DRAINED, reason="new fan", since=later(1))
        plain = frozenset({"x86_64"})
        for names in (("n1", "n7"), ("n0",), ("n7", "n1")):
            found = [Enrolled(name=name, capabilities=plain) for name in names]
            store.nodes.enrol(found, later(2))
            assert tuple(status.name for status in store.nodes.all()) == names
        assert store.nodes.all()[1] == kept

    def test_a_node_shows_who_has_it(self, store: Store) -> None:
        enrol(store, 2)
        attempt = start(store)
        store.queue.hold(attempt, later(60))
        store.nodes.mark("n0", attempt, "1a2b3c", NOW)
        busy, idle = store.nodes.all()
        assert busy == NodeStatus(
            name="n0", since=NOW, holder=attempt, held_until=later(60), marks=1
        )
        assert idle == NodeStatus(name="n1", since=NOW)

    def test_only_what_changes_the_state_moves_its_time(self, store: Store) -> None:
        enrol(store, 1)
        store.nodes.set_state("n0", NodeState.QUARANTINED, "lies", later(1))
        store.nodes.set_state("n0", NodeState.QUARANTINED, "lies", later(2))
        assert store.nodes.all()[0].since == later(1)
        with pytest.raises(NotFound, match="n9"):
            store.nodes.set_state("n9", NodeState.DRAINED, "", NOW)

    def test_suspects_broke_what_passes_elsewhere(self, store: Store) -> None:
        enrol(store, 2)
        broken = [self._broken_on_n0(store, sha) for sha in ("aaa", "bbb", "ccc")]
        assert store.nodes.suspects() == ()
        self._passes(store, "aaa", "n1")
        assert store.nodes.suspects() == (("n0", ("commit aaa",)),)
        self._passes(store, "bbb", "n0")
        assert store.nodes.suspects() == (("n0", ("commit aaa",)),)
        self._passes(store, "bbb", "n1")
        self._passes(store, "ccc", "n1", patched="other")
        assert store.nodes.suspects() == (("n0", ("commit aaa", "commit bbb")),)
        store.nodes.mark("n0", broken[0], "commit aaa", later(5))
        assert store.nodes.all()[0].marks == 3

    def test_a_restored_node_is_trusted(self, store: Store) -> None:
        enrol(store, 2)
        attempt = self._broken_on_n0(store, "aaa")
        self._passes(store, "aaa", "n1")
        store.nodes.set_state("n0", NodeState.QUARANTINED, "broke aaa", NOW)
        assert store.nodes.suspects() == ()
        store.nodes.set_state("n0", NodeState.IN_SERVICE, "", NOW)
        store.nodes.mark("n0", attempt, "commit aaa", NOW)
        assert (store.nodes.suspects(), store.nodes.all()[0].marks) == ((), 0)
        self._broken_on_n0(store, "aaa")
        assert store.nodes.suspects() == (("n0", ("commit aaa",)),)

    def _broken_on_n0(self, store: Store, sha: str) -> AttemptId:
        attempt = start(store, sha=sha)
        assert [lease.node for lease in store.queue.leases(attempt)] == ["n0"]
        judge(store, attempt, BROKEN)
        for _ in range(2):
            store.nodes.mark("n0", attempt, f"commit {sha}", NOW)
        store.queue.release(attempt)
        return attempt

    def _passes(self, store: Store, sha: str, node: str, patched: str = "") -> None:
        run = ask(store, plan(arch("kvm"), sha=sha, patched=patched))
        store.queue.grant(lambda situation: give(situation.queue[0], node), NOW)
        attempt = AttemptId(f"{run.id}/kvm/1")
        judge(store, attempt, PASSED)
        store.queue.release(attempt)


def an_offer(node: str, attempt: str, mac: str = "52:54:00:AB:cd:01") -> Offer:
    return Offer(
        token=secrets.token_urlsafe(16),
        node=node,
        mac=mac,
        attempt=AttemptId(attempt),
        image="debian-12",
        script="#!ipxe\n",
        answers="d-i netcfg/get_hostname string n0\n",
        public_key="ssh-ed25519 AAAA",
    )


class TestOffers:
    def test_an_offer_is_found_by_all_its_names(self, store: Store) -> None:
        offer = an_offer("n0", "1/kvm/1")
        assert store.offers.put(offer) == offer
        other = store.offers.put(an_offer("n1", "1/kvm/1", mac="52:54:00:ab:cd:02"))
        assert store.offers.find("n0", offer.attempt) == offer
        for mac in ("52:54:00:ab:cd:01", "52-54-00-AB-CD-01", "525400abcd01"):
            assert store.offers.by_mac(mac) == offer
        assert store.offers.by_token(other.token) == other
        assert store.offers.by_token("never given") is None
        assert store.offers.find("n0", AttemptId("1/kvm/2")) is None

    def test_a_repeat_keeps_the_first_and_another_attempt_replaces_it(self, store: Store) -> None:
        first = store.offers.put(an_offer("n0", "1/kvm/1"))
        assert store.offers.put(an_offer("n0", "1/kvm/1")) == first
        second = store.offers.put(an_offer("n0", "1/kvm/2"))
        assert store.offers.by_token(first.token) is None
        assert store.offers.by_mac(first.mac) == second

    def test_what_the_node_fetched_is_kept_in_order(self, store: Store) -> None:
        offer = store.offers.put(an_offer("n0", "1/kvm/1"))
        for what in ("script", "kernel", "script", "answers"):
            store.offers.fetched(offer.token, what)
        store.offers.fetched("never given", "script")
        found = store.offers.by_token(offer.token)
        assert found == replace(offer, fetched=("script", "kernel", "answers"))

    def test_a_node_arrives_once(self, store: Store) -> None:
        offer = store.offers.put(an_offer("n0", "1/kvm/1"))
        access = Access(address="192.0.2.7", port=22, user="root", host_key="ssh-ed25519 AAAA")
        assert store.offers.arrive(offer.token, access)
        assert not store.offers.arrive(offer.token, replace(access, address="192.0.2.66"))
        assert not store.offers.arrive("never given", access)
        found = store.offers.find("n0", offer.attempt)
        assert found == replace(offer, access=access)

    def test_a_dropped_offer_is_worth_nothing(self, store: Store) -> None:
        offer = store.offers.put(an_offer("n0", "1/kvm/2"))
        store.offers.drop("n0", AttemptId("1/kvm/1"))
        assert store.offers.by_token(offer.token) == offer
        for _ in range(2):
            store.offers.drop("n0", offer.attempt)
            assert store.offers.by_token(offer.token) is None
