"""The law of the store port: what machines were found to be."""

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.model.attestation import Attestation, Attested
from tests.contract.storing import KINDS, NOW, enrol, later, stores

store = pytest.fixture(params=KINDS)(stores)

SOUND = Attestation(facts=(("disks", "1 of 64 GiB"), ("kernel", "6.1; \"é\" = 'x'")))
OTHER = Attestation(facts=(("disks", "1 of 32 GiB"),))


def test_the_first_is_the_reference_and_later_ones_do_not_move_it(store: Store) -> None:
    enrol(store, 1)
    first = Attested(node="n0", image="debian-12", reference=SOUND, since=NOW, newest=SOUND, at=NOW)
    assert store.attestations.record("n0", "debian-12", SOUND, NOW) == first
    second = store.attestations.record("n0", "debian-12", OTHER, later(60))
    assert (second.reference, second.since) == (SOUND, NOW)
    assert (second.newest, second.at) == (OTHER, later(60))
    assert store.attestations.all() == (second,)


def test_a_repeat_after_a_kill_changes_nothing_but_the_time(store: Store) -> None:
    enrol(store, 1)
    for seconds in (0, 1):
        found = store.attestations.record("n0", "debian-12", SOUND, later(seconds))
        assert (found.reference, found.since, found.at) == (SOUND, NOW, later(seconds))


def test_each_image_and_each_node_has_its_own(store: Store) -> None:
    enrol(store, 2)
    for seconds, (node, image) in enumerate(
        (("n1", "debian-12"), ("n0", "debian-12"), ("n0", "xen"))
    ):
        assert store.attestations.record(node, image, SOUND, later(seconds)).since == later(seconds)
    known = [(found.node, found.image) for found in store.attestations.all()]
    assert known == [("n1", "debian-12"), ("n0", "debian-12"), ("n0", "xen")]


def test_who_is_trusted_anew_has_a_new_reference_under_every_image(store: Store) -> None:
    enrol(store, 2)
    for node in ("n0", "n1"):
        for image in ("debian-12", "xen"):
            store.attestations.record(node, image, SOUND, NOW)
    for _ in range(2):
        store.attestations.forget("n0")
    assert {found.node for found in store.attestations.all()} == {"n1"}
    again = store.attestations.record("n0", "xen", OTHER, later(1))
    assert (again.reference, again.since) == (OTHER, later(1))


def test_what_is_known_outlives_the_nodes_absence(store: Store) -> None:
    enrol(store, 2)
    store.attestations.record("n1", "debian-12", SOUND, NOW)
    enrol(store, 1)
    enrol(store, 2)
    assert store.attestations.record("n1", "debian-12", OTHER, later(1)).reference == SOUND


def test_a_renewed_reference_counts_since_when_it_did(store: Store) -> None:
    enrol(store, 1)
    store.attestations.renew("n0", "debian-12", OTHER)
    assert store.attestations.all() == ()
    store.attestations.record("n0", "debian-12", SOUND, NOW)
    for _ in range(2):
        store.attestations.renew("n0", "debian-12", OTHER)
    (found,) = store.attestations.all()
    assert (found.reference, found.since, found.newest) == (OTHER, NOW, SOUND)
