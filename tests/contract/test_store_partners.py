"""The store's part in partners: orders, what comes late of them, deliveries, tokens, items."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.drivers.store.opened import Store
from orchestrator.model.access import Role, Token
from orchestrator.model.arch import Alternative, Means
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import AttemptId, RunId
from orchestrator.model.job import Item
from orchestrator.model.lease import Turn
from orchestrator.model.partner import Answer, Claim, Order, Sighting, Standing
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.stages.lease import schedule
from tests.contract.storing import KINDS, NOW, PASSED, arch, ask, enrol, judge, later, plan, stores

ARCH = "kvm-lefthand"
WAYS = (
    Alternative(means=Means.HARDWARE),
    Alternative(means=Means.PARTNER, partner="hp"),
    Alternative(means=Means.SIMULATOR),
)
SILENT = Ruling(verdict=Verdict.BROKEN, blame=Blame.PARTNER, cause="hp is silent")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    yield from stores(request, tmp_path)


def order(attempt: str, key: str = "k1") -> Order:
    return Order(
        attempt=AttemptId(attempt),
        partner="hp",
        arch=ARCH,
        key=key,
        repo="nova",
        ref="trunk",
        commit="1a2b3c",
        hook=f"hook-{attempt}",
        asked_at=NOW,
        due_at=later(60),
    )


def asked(store: Store, way: int = 1) -> AttemptId:
    """Return an attempt that goes that way and runs."""
    chosen = replace(arch(ARCH), alternatives=(WAYS[way], *WAYS[way + 1 :]))
    run = ask(store, plan(chosen))
    store.queue.grant(schedule, later(1))
    return AttemptId(f"{run.id}/{ARCH}/1")


def test_what_no_machine_can_do_goes_the_next_way_at_once(store: Store) -> None:
    attempt = asked(store, way=0)
    assert attempt == f"1/{ARCH}/1"
    cell = store.runs.cell(f"1/{ARCH}")  # type: ignore[arg-type]
    assert (cell.way, len(cell.attempts)) == (1, 2)
    (judged,) = [e.ruling for e in store.events.of(attempt) if e.ruling]
    assert judged
    assert (judged.verdict, judged.blame) == (Verdict.BROKEN, Blame.INFRA)
    store.queue.grant(schedule, later(2))
    second = AttemptId(f"1/{ARCH}/2")
    assert store.queue.granted() == (second,), "a gang of nobody is granted at once"
    assert store.queue.leases(second) == ()
    assert store.queue.turn(second) == Turn(way=1)
    store.queue.release(second)
    judge(store, second, SILENT)


def test_machines_that_are_only_taken_are_waited_for(store: Store) -> None:
    enrol(store, 1)
    wide = replace(arch(ARCH), alternatives=WAYS)
    for _ in range(2):
        ask(store, plan(wide))
    store.queue.grant(schedule, later(1))
    assert store.runs.cell(f"2/{ARCH}").way == 0  # type: ignore[arg-type]
    store.queue.release(AttemptId(f"1/{ARCH}/1"))
    judge(store, AttemptId(f"1/{ARCH}/1"), PASSED)


def test_an_order_is_opened_once_and_closed_once(store: Store) -> None:
    attempt = asked(store)
    first = store.orders.open(order(attempt))
    assert store.orders.open(replace(order(attempt), key="another")) == first
    seen = Sighting(standing=Standing.ACCEPTED, queue=7)
    assert store.orders.saw(attempt, seen, later(2)).accepted_at == later(2)
    seen = Sighting(standing=Standing.ANSWERED, queue=7, build=3)
    assert store.orders.saw(attempt, seen, later(3)).standing is Standing.ACCEPTED
    store.orders.close(attempt, Standing.ANSWERED, later(4), "SUCCESS")
    store.orders.close(attempt, Standing.REFUSED, later(5))
    found = store.orders.find(attempt)
    assert found
    assert (found.standing, found.claim, found.over_at) == (
        Standing.ANSWERED,
        "SUCCESS",
        later(4),
    )
    assert store.orders.among({Standing.ANSWERED}, "hp") == (found,)
    assert store.orders.among({Standing.ANSWERED}, "ibm") == ()
    with pytest.raises(NotFound, match="never asked"):
        store.orders.saw(AttemptId("9/x/1"), seen, NOW)
    judge(store, attempt, PASSED)
    store.queue.release(attempt)


def test_what_was_given_up_goes_on_under_the_next_attempt(store: Store) -> None:
    attempt = asked(store)
    store.orders.open(order(attempt))
    store.orders.saw(attempt, Sighting(standing=Standing.RUNNING, build=3), later(2))
    store.orders.close(attempt, Standing.LATE, later(60))
    judge(store, attempt, SILENT, frozenset())
    store.queue.release(attempt)
    second = AttemptId(f"1/{ARCH}/2")
    taken = store.orders.open(order(second, "k2"))
    assert (taken.order.key, taken.order.hook) == ("k1", f"hook-{attempt}")
    assert (taken.order.first_due, taken.seen.build) == (later(60), 3)
    before = store.orders.find(attempt)
    assert before
    assert before.standing is Standing.TAKEN
    called = store.orders.by_hook(f"hook-{attempt}")
    assert called
    assert called.order.attempt == second
    store.queue.cancel(second, later(70))


def test_who_judged_the_same_otherwise_is_told(store: Store) -> None:
    enrol(store, 1)
    attempt = asked(store)
    store.orders.open(order(attempt))
    judge(store, attempt, PASSED)
    store.queue.release(attempt)
    ours = asked(store, way=2)
    red = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="no LUN")
    judge(store, ours, red)
    store.queue.release(ours)
    (found,) = store.orders.compared("hp")
    assert (found.attempt, found.theirs) == (attempt, Verdict.PASSED)
    assert (found.other, found.ours) == (ours, Verdict.FAILED)
    assert store.orders.compared("ibm") == ()


def test_a_delivery_is_one_worker_s_until_it_falls_silent(store: Store) -> None:
    store.deliveries.offer(order("1/a/1"))
    stale = NOW - timedelta(minutes=2)
    taken = store.deliveries.take("hp", "ann", NOW, stale)
    assert taken
    assert store.deliveries.take("hp", "bob", NOW, stale) is None
    assert store.deliveries.take("hp", "ann", NOW, stale) == taken, "it was killed, and is back"
    assert store.deliveries.take("ibm", "eve", NOW, stale) is None
    assert store.deliveries.take("hp", "bob", later(200), later(80)) == taken
    answer = Answer(claim=Claim.SUCCESS, tests=())
    store.deliveries.change("k1", lambda d: replace(d, answer=answer))
    assert store.deliveries.take("hp", "bob", later(400), later(300)) is None
    assert store.deliveries.find("k1").answer == answer
    with pytest.raises(NotFound):
        store.deliveries.change("nobody's", lambda d: d)


def test_tokens_and_items_are_kept(store: Store) -> None:
    token = Token(id="0a1b", role=Role.VENDOR, note="", created_at=NOW, expires_at=later(9))
    store.tokens.add(token, "digest")
    assert store.tokens.find("0a1b") == (token, "digest")
    assert [store.tokens.pin("0a1b", key) for key in ("", "one", "two")] == ["", "one", "one"]
    store.tokens.used("0a1b", later(1))
    assert not store.tokens.revoke("0a1b", later(2)).good(later(3))
    assert store.tokens.all()[0].revoked_at == later(2)
    with pytest.raises(NotFound):
        store.tokens.revoke("none", NOW)
    attempt = asked(store)
    item = Item(run=RunId(1), job=ARCH, arch=ARCH, asker="ann", parameters={"REF": "trunk"})
    assert store.items.put(item) == store.items.put(replace(item, asker="bob")) == item
    assert store.items.of_job(ARCH, 9) == store.items.of_job("", 9) == (item,)
    assert store.items.find(RunId(2)) is None
    judge(store, attempt, PASSED)
    store.queue.release(attempt)
