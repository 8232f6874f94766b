"""The law of the store port: what people are told, once each."""

import multiprocessing
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.arch import Alternative, Means
from orchestrator.model.errors import NotFound
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.notice import Change, MessageState, Moment, Subscription
from orchestrator.model.partner import Order
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.stages.lease import schedule
from tests.contract.storing import (
    BROKEN,
    KINDS,
    NOW,
    PASSED,
    arch,
    ask,
    database,
    enrol,
    judge,
    later,
    plan,
    start,
    stores,
)

store = pytest.fixture(params=KINDS)(stores)

FAILED = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="no such column")
ALL = Subscription(name="all", every=True, digest=0)
FLIPS = Subscription(name="flips", digest=0)


def everybody(_: Change) -> tuple[str, ...]:
    return ("ann@example.com", "bob@example.com")


def one(_: Change) -> tuple[str, ...]:
    return ("",)


def run(store: Store, ruling: Ruling, *, retry: frozenset[str] | None = None) -> AttemptId:
    attempt = start(store, sha=secrets.token_hex(4))
    judge(store, attempt, ruling, retry)
    store.queue.release(attempt)
    return attempt


def told(store: Store, wanted: Subscription) -> list[Change]:
    store.notices.collect(wanted, one, later(100))
    store.notices.bundle(wanted, later(100))
    found: list[Change] = []
    while made := store.notices.claim(wanted.name, later(100), later(200)):
        found.extend(made.changes)
        store.notices.delivered(made.id, later(101))
    return found


def test_who_subscribes_hears_nothing_of_the_past(store: Store) -> None:
    enrol(store, 1)
    run(store, FAILED)
    assert told(store, FLIPS) == []
    run(store, PASSED)
    (change,) = told(store, FLIPS)
    assert (change.verdict, change.before) == (Verdict.PASSED, Verdict.FAILED)


def test_only_what_changes_is_told(store: Store) -> None:
    enrol(store, 1)
    assert told(store, FLIPS) == told(store, ALL) == []
    for ruling in (PASSED, PASSED, FAILED, FAILED, BROKEN, PASSED):
        run(store, ruling)
    assert [change.verdict for change in told(store, FLIPS)] == ["failed", "broken", "passed"]
    assert len(told(store, ALL)) == 6
    assert told(store, FLIPS) == told(store, ALL) == []


def test_an_attempt_that_is_tried_again_says_nothing_yet(store: Store) -> None:
    enrol(store, 1)
    assert told(store, FLIPS) == []
    run(store, PASSED)
    first = run(store, BROKEN, retry=frozenset())
    assert told(store, FLIPS) == []
    second = AttemptId(first.removesuffix("1") + "2")
    judge(store, second, FAILED)
    (change,) = told(store, FLIPS)
    assert (change.attempt, change.before) == (second, Verdict.PASSED)


def test_a_recheck_does_not_hide_what_was_said_before(store: Store) -> None:
    enrol(store, 1)
    assert told(store, FLIPS) == []
    attempt = run(store, FAILED)
    store.queue.recheck(attempt.rpartition("/")[0], later(90))
    (change,) = told(store, FLIPS)
    assert change.decides


def test_each_arch_and_each_branch_has_its_own_state(store: Store) -> None:
    assert told(store, FLIPS) == []
    ask(store, plan(arch("kvm"), arch("xen")), PASSED)
    ask(store, plan(arch("kvm"), sha="2"), FAILED, ref="other")
    ask(store, plan(arch("xen"), sha="3"), FAILED)
    found = {(change.ref, change.arch, change.before) for change in told(store, FLIPS)}
    assert found == {("other", "kvm", None), ("trunk", "xen", Verdict.PASSED)}


def test_a_patch_on_top_says_nothing_of_the_branch(store: Store) -> None:
    assert told(store, FLIPS) == told(store, ALL) == []
    ask(store, plan(arch("kvm"), patched="beef" * 8), FAILED)
    ask(store, plan(arch("kvm"), sha="2"), PASSED)
    assert told(store, FLIPS) == []
    assert len(told(store, ALL)) == 2


@pytest.mark.parametrize(
    "wanted",
    [
        replace(FLIPS, archs=("xen*",)),
        replace(FLIPS, repos=("glance",)),
        replace(FLIPS, refs=("stable/*",)),
        replace(FLIPS, lanes=(Lane.NIGHTLY,)),
        replace(FLIPS, on=(Verdict.PASSED,)),
    ],
)
def test_what_a_filter_leaves_out_is_not_told(store: Store, wanted: Subscription) -> None:
    assert told(store, wanted) == told(store, ALL) == []
    ask(store, plan(arch("kvm")), FAILED)
    assert told(store, wanted) == []
    assert len(told(store, ALL)) == 1


def test_a_storm_is_one_message_to_each(store: Store) -> None:
    wanted = replace(FLIPS, digest=60)
    store.notices.collect(wanted, everybody, later(0))
    ask(store, plan(*(arch(f"arch-{number}") for number in range(40))), FAILED)
    assert store.notices.collect(wanted, everybody, later(10)) == 80
    assert store.notices.bundle(wanted, later(69)) == 0
    assert store.notices.bundle(wanted, later(70)) == 2
    assert store.notices.bundle(wanted, later(70)) == 0
    messages = store.notices.messages()
    assert {m.recipient for m in messages} == set(everybody(messages[0].changes[0]))
    assert {len(m.changes) for m in messages} == {40}
    first = store.notices.messages(limit=1)
    assert (*first, *store.notices.messages(limit=9, after=first[0].id)) == messages


def test_who_wants_every_moment_gets_each_in_a_message(store: Store) -> None:
    wanted = replace(ALL, moments=True)
    store.notices.collect(wanted, one, later(0))
    ask(store, plan(arch("kvm")))
    ask(store, plan(arch("kvm"), sha="2"), FAILED)
    store.notices.collect(wanted, one, later(0))
    assert store.notices.bundle(wanted, later(0)) == 2
    moments = [m.changes[0].moment for m in store.notices.messages()]
    assert sorted(moments) == [Moment.FINISHED, Moment.QUEUED]


def by_partner(store: Store, sign: Kind, ref: str = "trunk") -> AttemptId:
    """Return an attempt whose partner gave that sign; a silent one is tried another way."""
    ways = (Alternative(means=Means.PARTNER, partner="hp"), Alternative(means=Means.SIMULATOR))
    asked = ask(store, plan(replace(arch("kvm"), alternatives=ways), sha=ref), ref=ref)
    store.queue.grant(schedule, later(1))
    attempt = AttemptId(f"{asked.id}/kvm/1")
    order = Order(
        attempt=attempt,
        partner="hp",
        arch="kvm",
        key=str(attempt),
        repo="nova",
        ref=ref,
        commit=ref,
        hook=f"hook-{attempt}",
        asked_at=NOW,
        due_at=later(60),
    )
    store.orders.open(order)
    store.events.append(attempt, [Event(kind=sign, stage=Stage.PARTNER)], later(59))
    silent = sign is Kind.SILENT
    broken = Ruling(verdict=Verdict.BROKEN, blame=Blame.PARTNER, cause="hp is silent")
    judge(store, attempt, broken if silent else PASSED, frozenset() if silent else None)
    store.queue.release(attempt)
    if silent:
        judge(store, AttemptId(f"{asked.id}/kvm/2"), PASSED)
    return attempt


def test_a_partner_that_falls_silent_is_told_once_until_it_answers(store: Store) -> None:
    assert told(store, FLIPS) == []
    first = by_partner(store, Kind.SILENT)
    (change,) = told(store, FLIPS)
    assert (change.attempt, change.verdict, change.decides) == (first, Verdict.BROKEN, False)
    by_partner(store, Kind.SILENT)
    assert told(store, FLIPS) == [], "it is silent as before"
    assert [one.ref for one in _after(store, Kind.SILENT, "other")] == ["other"]
    assert _after(store, Kind.ANSWERED) == []
    assert [one.silence for one in _after(store, Kind.SILENT)] == [True]
    assert told(store, replace(FLIPS, name="red", on=(Verdict.FAILED,))) == []


def _after(store: Store, sign: Kind, ref: str = "trunk") -> list[Change]:
    by_partner(store, sign, ref)
    return told(store, FLIPS)


def message(store: Store) -> str:
    store.notices.collect(FLIPS, one, later(0))
    ask(store, plan(arch("kvm")), FAILED)
    store.notices.collect(FLIPS, one, later(0))
    store.notices.bundle(FLIPS, later(0))
    return store.notices.messages()[0].id


def test_a_claim_keeps_others_away_until_it_ends(store: Store) -> None:
    name = message(store)
    claimed = store.notices.claim("flips", later(0), later(90))
    assert claimed
    assert claimed.id == name
    assert store.notices.claim("flips", later(89), later(200)) is None
    again = store.notices.claim("flips", later(90), later(200))
    assert again
    assert again.id == name


def test_a_try_in_vain_is_made_again_and_at_last_given_up(store: Store) -> None:
    name = message(store)
    store.notices.failed(name, "busy", later(30))
    (found,) = store.notices.messages("flips")
    assert (found.tries, found.said, found.state) == (1, "busy", MessageState.WAITING)
    assert store.notices.claim("flips", later(29), later(90)) is None
    assert store.notices.claim("flips", later(30), later(90))
    store.notices.failed(name, "never", None)
    assert store.notices.messages("flips")[0].state is MessageState.GIVEN_UP
    assert store.notices.claim("flips", later(999), later(9999)) is None


def test_a_replay_is_the_same_message(store: Store) -> None:
    name = message(store)
    store.notices.delivered(name, later(1))
    assert store.notices.claim("flips", later(999), later(9999)) is None
    again = store.notices.replay(name, later(2))
    assert (again.id, again.state, again.tries) == (name, MessageState.WAITING, 0)
    claimed = store.notices.claim("flips", later(2), later(90))
    assert claimed
    assert claimed.id == name
    with pytest.raises(NotFound, match="smoketest notices"):
        store.notices.replay("msg_none", later(2))


def test_a_feed_shows_the_newest_changes_without_a_subscription(store: Store) -> None:
    enrol(store, 1)
    for ruling in (PASSED, FAILED, FAILED, PASSED):
        run(store, ruling)
    found = store.notices.changes(FLIPS, 10)
    assert [change.verdict for change in found] == ["passed", "failed"]
    assert store.notices.changes(FLIPS, 1) == found[:1]


def _work(url: str, act: Callable[[Store], object]) -> None:
    opened = open_store(url)
    while True:
        act(opened)


def _tell(opened: Store) -> None:
    opened.notices.collect(FLIPS, everybody, later(0))
    opened.notices.bundle(FLIPS, later(0))


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_instant_everybody_is_told_once(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as url:
        _kill_often(url)


def _kill_often(url: str) -> None:
    opened = open_store(url)
    opened.notices.collect(FLIPS, everybody, later(0))
    context = multiprocessing.get_context("spawn")
    chance = random.Random(7)  # noqa: S311
    asked = 0
    for _ in range(4):
        process = context.Process(target=_work, args=(url, _tell))
        process.start()
        until = time.monotonic() + 1 + chance.random()
        while time.monotonic() < until:
            archs = [arch(f"arch-{number}") for number in range(5)]
            ask(opened, plan(*archs, sha=str(asked)), FAILED, ref=f"branch-{asked}")
            asked += 1
        process.kill()
        process.join()
    _tell(opened)
    messages = opened.notices.messages("flips", 100_000)
    sent = [(m.recipient, change.attempt) for m in messages for change in m.changes]
    assert len(sent) == len(set(sent)) == asked * 5 * 2
    opened.database.close()
