"""The mailroom over a real store: who is told, how often it is tried, what a kill leaves."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.model.errors import NotFound, Refused, SmoketestError, Undelivered
from orchestrator.model.notice import Message, MessageState, Subscription
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.service.mailroom import BACKOFF, CLAIM_SECONDS, Mailroom
from tests.contract.storing import NOW, arch, ask, plan
from tests.contract.telling import change

FAILED = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause="no such column")


@dataclass
class Hands:
    """A clock whose hands a test moves."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Pigeon:
    """A courier that says what it was told to say, and keeps what it carried."""

    carried: list[Message] = field(default_factory=list)
    answers: list[BaseException] = field(default_factory=list)

    def deliver(self, message: Message, deadline: Deadline) -> None:
        deadline.check()
        self.carried.append(message)
        if self.answers:
            raise self.answers.pop(0)


@dataclass
class Room:
    mailroom: Mailroom
    pigeon: Pigeon
    clock: Hands
    store: Store

    def fail(self, ref: str = "trunk") -> None:
        ask(self.store, plan(arch("kvm")), FAILED, ref=ref)

    def state(self) -> MessageState:
        return self.mailroom.messages("", 1)[0].state


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    clock, pigeon = Hands(), Pigeon()
    mailroom = Mailroom(
        clock=clock,
        notices=store.notices,
        subscriptions={"hook": Subscription(name="hook", digest=0)},
        couriers={"hook": pigeon},
        people={"kvm-team": "kvm@example.com"},
    )
    assert mailroom.round("hook") == 0
    yield Room(mailroom, pigeon, clock, store)
    store.database.close()


def test_a_change_is_told_once(room: Room) -> None:
    room.fail()
    assert [room.mailroom.round("hook") for _ in range(3)] == [1, 0, 0]
    assert len(room.pigeon.carried) == 1


def test_what_was_cut_off_is_sent_again_under_the_same_id(room: Room) -> None:
    room.fail()
    room.pigeon.answers = [KeyboardInterrupt()]  # as a kill: after the other side took it
    with pytest.raises(KeyboardInterrupt):
        room.mailroom.round("hook")
    assert room.mailroom.round("hook") == 0
    room.clock.sleep(CLAIM_SECONDS)
    assert room.mailroom.round("hook") == 1
    assert len({message.id for message in room.pigeon.carried}) == 1
    assert room.state() is MessageState.DELIVERED


def test_a_receiver_that_is_down_is_tried_for_days_and_then_given_up(room: Room) -> None:
    room.fail()
    room.pigeon.answers = [Undelivered("down") for _ in range(len(BACKOFF) + 1)]
    assert room.mailroom.round("hook") == 1
    for wait in BACKOFF:
        room.clock.sleep(wait - 1)
        assert room.mailroom.round("hook") == 0
        room.clock.sleep(1)
        assert room.mailroom.round("hook") == 1
    assert room.state() is MessageState.GIVEN_UP
    assert sum(BACKOFF) > timedelta(days=2).total_seconds()


@pytest.mark.parametrize(
    ("error", "state"),
    [(Refused("never"), MessageState.GIVEN_UP), (Undelivered("down"), MessageState.WAITING)],
)
def test_one_that_fails_keeps_none_of_the_others(
    room: Room, error: SmoketestError, state: MessageState
) -> None:
    room.fail("one")
    room.mailroom.notices.collect(room.mailroom.subscriptions["hook"], lambda _: ("",), NOW)
    room.mailroom.notices.bundle(room.mailroom.subscriptions["hook"], NOW)
    room.fail("two")
    room.pigeon.answers = [error]
    assert room.mailroom.round("hook") == 2
    states = {message.state for message in room.mailroom.messages("hook", 10)}
    assert states == {state, MessageState.DELIVERED}


def test_a_given_up_one_goes_out_again_when_replayed(room: Room) -> None:
    room.fail()
    room.pigeon.answers = [Refused("never")]
    room.mailroom.round("hook")
    (message,) = room.mailroom.messages("hook", 10)
    assert room.mailroom.replay(message.id).id == message.id
    assert room.mailroom.round("hook") == 1
    assert room.state() is MessageState.DELIVERED


def test_an_unknown_subscription_is_said_to_be_so(room: Room) -> None:
    with pytest.raises(NotFound, match="known: hook"):
        room.mailroom.messages("hok", 10)


@pytest.mark.parametrize(
    ("to", "addresses"),
    [
        ((), ("",)),
        (("lieutenants",), ("kvm@example.com",)),
        (("requester",), ("ann@example.com",)),
        (("kvm-team", "lieutenants", "ops@example.com"), ("kvm@example.com", "ops@example.com")),
        (("nobody",), ()),
    ],
)
def test_names_become_addresses_each_once(
    room: Room, to: tuple[str, ...], addresses: tuple[str, ...]
) -> None:
    wanted = Subscription(name="mail", to=to)
    assert room.mailroom.address(wanted, change(requester="ann@example.com")) == addresses
