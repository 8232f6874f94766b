"""A partner's silence reaches a mailbox once, whatever was killed and started again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify.mail import Mail
from orchestrator.drivers.store.opened import open_store
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.notice import Message, MessageState, Subscription
from orchestrator.model.verdict import Ruling, Verdict
from orchestrator.ports.clock import Deadline
from orchestrator.ports.notify import Courier
from orchestrator.service.mailroom import CLAIM_SECONDS, Mailroom
from tests.contract.fake_jenkins import Jenkins, serving
from tests.contract.partner_rig import CONTRACT, Rig, guarded, jenkins
from tests.contract.telling import PAGES, Mailbox, mail_server

NAME = "lieutenants"


class Killed(BaseException):
    """What ends a process here."""


@dataclass(frozen=True)
class Ahead:
    """A clock that is ahead of the host's."""

    seconds: float = 0

    def now(self) -> datetime:
        return SystemClock().now() + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        SystemClock().sleep(seconds)


class Dies:
    """A courier that is killed before it is on its way."""

    def deliver(self, _message: Message, _deadline: Deadline) -> None:
        raise Killed


@contextmanager
def mailroom(url: str, box: Mailbox, courier: Courier | None = None) -> Iterator[Mailroom]:
    """Give the mailroom of a process that just started."""
    mail = Mail(
        server="127.0.0.1", port=box.port, sender="ci@example.com", starttls=False, url=PAGES
    )
    store = open_store(url)
    yield Mailroom(
        clock=Ahead(0 if courier else 2 * CLAIM_SECONDS),
        notices=store.notices,
        subscriptions={NAME: Subscription(name=NAME, to=("kvm@example.com",), digest=0)},
        couriers={NAME: courier or mail},
        people={},
    )
    store.database.close()


@contextmanager
def silent(url: str, folder: Path) -> Iterator[Rig]:
    """Give a cell whose partner answers nothing but errors."""
    contract = replace(CONTRACT, accept=1.0)
    store = open_store(url)
    with serving(Jenkins(status=500, times=-1)) as address:
        rig = Rig(store, folder, guarded(jenkins(address, contract)), contract)
        rig.grant()
        yield rig
    store.database.close()


@pytest.mark.parametrize("killed", [False, True], ids=["whole", "killed"])
def test_a_silence_is_one_mail(tmp_path: Path, killed: bool) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite"
    with mail_server() as box, silent(url, tmp_path) as rig:
        with mailroom(url, box) as room:
            assert room.round(NAME) == 0
        rig.walk()
        assert [e.kind for e in rig.events()].count(Kind.SILENT) == 1
        if killed:
            with mailroom(url, box, Dies()) as room, pytest.raises(Killed):
                room.round(NAME)
        for _ in range(3):
            rig.walk()  # it is over: whoever takes it up again says nothing new
            with mailroom(url, box) as room:
                room.round(NAME)
        passed = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=Ruling(verdict=Verdict.PASSED))
        rig.store.events.append(rig.cell().attempts[-1], [passed], SystemClock().now())
        with mailroom(url, box) as room:
            assert room.round(NAME) == 0, "the simulator's green changes nothing"
            (sent,) = room.messages(NAME, 9)
        assert sent.state is MessageState.DELIVERED
        (envelope,) = box.taken
    letter = message_from_bytes(envelope.content, policy=default)
    assert "got no answer from its partner" in letter["Subject"]
    assert "hp is silent: no answer in" in letter.get_content()
