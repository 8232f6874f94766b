"""Machines kept from being leased for a while, as a test of them needs it."""

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.model.node import NodeState
from tests.contract.storing import BROKEN, KINDS, NOW, enrol, judge, later, start, stores

store = pytest.fixture(params=KINDS)(stores)
WHY = "being looked at"


def standing(store: Store) -> dict[str, tuple[NodeState, str]]:
    return {node.name: (node.state, node.reason) for node in store.nodes.all()}


def test_a_free_node_is_drained_and_comes_back_with_its_marks(store: Store) -> None:
    enrol(store, 2)
    attempt = start(store)
    store.nodes.mark("n1", attempt, "a" * 40, NOW)
    judge(store, attempt, BROKEN)
    store.queue.release(attempt)
    store.nodes.set_state("n0", NodeState.DRAINED, "new fan", NOW)
    assert store.nodes.reserve("n1", WHY, later(1))
    assert standing(store)["n1"] == (NodeState.DRAINED, WHY)
    assert not store.nodes.reserve("n1", WHY, later(2)), "it is reserved already"
    assert not store.nodes.reserve("n0", WHY, later(2)), "it is out of service anyway"
    store.nodes.give_back(WHY, later(3), "n0")
    assert standing(store)["n1"] == (NodeState.DRAINED, WHY)
    store.nodes.give_back(WHY, later(3))
    assert standing(store) == {
        "n0": (NodeState.DRAINED, "new fan"),
        "n1": (NodeState.IN_SERVICE, ""),
    }
    assert [node.marks for node in store.nodes.all()] == [0, 1]


def test_a_leased_node_and_one_that_is_not_there_cannot_be_reserved(store: Store) -> None:
    enrol(store, 1)
    attempt = start(store)
    assert not store.nodes.reserve("n0", WHY, later(6))
    assert not store.nodes.reserve("n9", WHY, later(6))
    assert store.nodes.all()[0].holder == attempt
    assert standing(store) == {"n0": (NodeState.IN_SERVICE, "")}


def test_a_reserved_node_is_leased_to_nobody(store: Store) -> None:
    enrol(store, 1)
    assert store.nodes.reserve("n0", WHY, NOW)
    attempt = start(store)
    assert store.queue.leases(attempt) == ()
    store.nodes.give_back(WHY, later(6), "n0")
    assert start(store, sha="2b3c4d")
    assert store.nodes.all()[0].holder == attempt


def test_what_a_person_decided_meanwhile_stays(store: Store) -> None:
    enrol(store, 1)
    assert store.nodes.reserve("n0", WHY, NOW)
    store.nodes.set_state("n0", NodeState.DRAINED, "smoke came out", later(1))
    store.nodes.give_back(WHY, later(2), "n0")
    assert standing(store) == {"n0": (NodeState.DRAINED, "smoke came out")}
