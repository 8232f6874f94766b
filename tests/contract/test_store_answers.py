"""The law of kept answers: a key is claimed once, by whoever lives."""

from datetime import timedelta

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.ports.answers import Answer, Known
from tests.contract.storing import KINDS, NOW, stores

store = pytest.fixture(params=KINDS)(stores)

SAID = Answer(status=201, kind="application/json", body='{"run": 12, "subject": "schnell \u2603"}')


def test_a_key_is_claimed_once_and_then_known_with_its_answer(store: Store) -> None:
    assert store.answers.begin("k", "print", "here", NOW) is None
    assert store.answers.begin("k", "print", "here", NOW) == Known(fingerprint="print", answer=None)
    store.answers.keep("k", "here", SAID)
    for owner in ("here", "elsewhere"):
        assert store.answers.begin("k", "other", owner, NOW) == Known(
            fingerprint="print", answer=SAID
        )


def test_what_a_dead_process_claimed_is_taken_over_with_the_same_request_only(store: Store) -> None:
    store.answers.begin("k", "print", "dead", NOW)
    other = store.answers.begin("k", "other", "here", NOW)
    assert other == Known(fingerprint="print", answer=None)
    assert store.answers.begin("k", "print", "here", NOW) is None
    # whoever was thought dead, and comes back, changes nothing
    store.answers.keep("k", "dead", Answer(status=500, kind="", body=""))
    store.answers.drop("k", "dead")
    store.answers.keep("k", "here", SAID)
    assert store.answers.begin("k", "print", "later", NOW) == Known(
        fingerprint="print", answer=SAID
    )


def test_what_came_to_nothing_may_be_tried_again(store: Store) -> None:
    store.answers.begin("k", "print", "here", NOW)
    store.answers.drop("k", "here")
    assert store.answers.begin("k", "other", "here", NOW) is None


def test_after_a_day_nobody_sends_the_same_again(store: Store) -> None:
    store.answers.begin("k", "print", "here", NOW)
    store.answers.keep("k", "here", SAID)
    assert store.answers.begin("k", "print", "here", NOW + timedelta(hours=23))
    assert store.answers.begin("k", "print", "here", NOW + timedelta(hours=25)) is None
