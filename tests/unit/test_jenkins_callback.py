"""A pipeline that waits in its webhook-step is called once when its build is over."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.notify.callback import Callback
from orchestrator.model.job import CALLBACKS
from orchestrator.model.notice import MessageState
from orchestrator.service.mailroom import BACKOFF, CLAIM_SECONDS, Mailroom
from orchestrator.wiring.notices import WANTED, called
from tests.contract.telling import Receiver, receiver
from tests.unit.jenkins_house import JOB, RED, Face, face

TOKEN = secrets.token_hex(16)


class Ahead(SystemClock):
    """A clock that can be put forward."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class Pipeline:
    """Who asks and waits, and the mailroom that is to call."""

    face: Face
    step: Receiver
    inside: bool = True

    def __post_init__(self) -> None:
        self.clock = Ahead()
        self.room = self.started()
        assert self.room.round(CALLBACKS) == 0

    def started(self) -> Mailroom:
        """Return the mailroom as a process has it that just started."""
        store = self.face.home.store
        courier = Callback(items=store.items, pages="https://ci.example.com", inside=self.inside)
        return Mailroom(
            clock=self.clock,
            notices=store.notices,
            subscriptions={CALLBACKS: WANTED},
            couriers={CALLBACKS: courier},
            people={},
            told={CALLBACKS: partial(called, store.items)},
        )

    def post(self, key: str, **given: str) -> httpx.Response:
        """Ask for a build as a pipeline does."""
        wanted = {"REPO": self.face.home.repo, "RUN_ID": key, **given}
        with httpx.Client(auth=("ann", self.face.token), trust_env=False, timeout=60) as http:
            return http.post(f"{self.face.url}/job/{JOB}/buildWithParameters", data=wanted)

    def ask(self, key: str, **given: str) -> int:
        """Ask for a build that calls back; return its number."""
        answer = self.post(key, CALLBACK_URL=self.step.url, CALLBACK_TOKEN=TOKEN, **given)
        assert answer.status_code == 201, answer.text
        return int(answer.headers["location"].split("/")[-2])

    def later(self, seconds: float) -> int:
        """Let time pass; return how many messages were sent then."""
        self.clock.ahead += timedelta(seconds=seconds)
        return self.room.round(CALLBACKS)


@contextmanager
def waiting(folder: Path, *, inside: bool = True) -> Iterator[Pipeline]:
    with face(folder) as made, receiver() as step:
        yield Pipeline(made, step, inside=inside)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with waiting(tmp_path) as made:
        yield made


def test_it_is_called_once_with_its_token_when_the_build_is_over(pipeline: Pipeline) -> None:
    number = pipeline.ask("k")
    assert pipeline.post("quiet").status_code == 201, "who wants no call gets none"
    pipeline.face.grant()
    assert pipeline.room.round(CALLBACKS) == 0, "it is not over"
    pipeline.step.answers = [200]
    pipeline.face.finish(number, red=(RED,))
    pipeline.face.finish(number + 1)
    assert pipeline.room.round(CALLBACKS) == 1
    assert pipeline.ask("k") == number
    assert pipeline.later(10**6) == 0, "a repeat of the same key is no second call"
    ((headers, body),) = pipeline.step.posts
    assert headers["authorization"] == TOKEN
    build = json.loads(body)["build"]
    assert (build["number"], build["phase"], build["status"]) == (number, "FINALIZED", "UNSTABLE")
    assert build["notes"] == "the second NIC never answered"


def test_one_that_does_not_wait_yet_is_called_again_and_a_wrong_token_is_not(
    pipeline: Pipeline,
) -> None:
    number = pipeline.ask("early")
    pipeline.face.grant()
    pipeline.step.answers = [202, 503, 200]
    pipeline.face.finish(number)
    assert [pipeline.room.round(CALLBACKS), pipeline.room.round(CALLBACKS)] == [1, 0]
    assert [pipeline.later(BACKOFF[0]), pipeline.later(BACKOFF[1])] == [1, 1]
    assert pipeline.room.messages(CALLBACKS, 1)[0].state is MessageState.DELIVERED
    cancelled = pipeline.ask("wrong")
    pipeline.step.answers = [403]
    pipeline.face.home.house.desk.cancel_run(pipeline.face.home.house.builds.item(cancelled).run)
    assert pipeline.room.round(CALLBACKS) == 1
    assert json.loads(pipeline.step.posts[-1][1])["build"]["status"] == "ABORTED"
    message = pipeline.room.messages(CALLBACKS, 1)[0]
    assert (message.state, "403" in message.said) == (MessageState.GIVEN_UP, True)


def test_a_kill_at_any_point_loses_no_call(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = pipeline.ask("killed")
    pipeline.face.grant()
    pipeline.face.finish(number)
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(Callback, "deliver", killed)
        with pytest.raises(KeyboardInterrupt):
            pipeline.room.round(CALLBACKS)
    pipeline.room = pipeline.started()
    assert pipeline.room.round(CALLBACKS) == 0, "somebody may still be at it"
    assert pipeline.later(CLAIM_SECONDS) == 1
    assert len(pipeline.step.posts) == 1


def test_one_that_was_over_before_it_was_known_that_a_call_is_wanted(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died between the run and what its client wants; the client asks again."""
    items = type(pipeline.face.home.store.items)
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(items, "put", killed)
        builds, home = pipeline.face.home.house.builds, pipeline.face.home
        (asker,) = {home.house.gate.who(pipeline.face.token)}
        assert asker
        given = {"REPO": home.repo, "RUN_ID": "k", "CALLBACK_URL": pipeline.step.url}
        with pytest.raises(KeyboardInterrupt):
            builds.start(asker, JOB, given)
    pipeline.face.grant()
    pipeline.face.finish(1)
    assert pipeline.room.round(CALLBACKS) == 0
    assert pipeline.ask("k") == 1
    assert [pipeline.room.round(CALLBACKS), pipeline.room.round(CALLBACKS)] == [1, 0]


def test_nobody_is_shown_whom_we_call_and_nothing_inside_is_called(tmp_path: Path) -> None:
    with waiting(tmp_path, inside=False) as pipeline:
        number = pipeline.ask("inside")
        pipeline.face.grant()
        pipeline.face.finish(number)
        assert pipeline.room.round(CALLBACKS) == 1
        (message,) = pipeline.room.messages(CALLBACKS, 9)
        assert (message.state, pipeline.step.posts) == (MessageState.GIVEN_UP, [])
        assert "inside our own network" in message.said
        shown = [
            pipeline.face.home.client().get(f"/jenkins/{path}/api/json").text
            for path in (f"queue/item/{number}", f"job/{JOB}/{number}")
        ]
        told = "".join([*shown, repr(message), repr(pipeline.face.home.store.items.find(number))])
        assert (TOKEN in told, pipeline.step.url in told) == (False, False)
        for wrong in ("ftp://x/", "http://", "http://h:99999/", "nonsense", "http://ü/"):
            answer = pipeline.post("wrong", CALLBACK_URL=wrong)
            assert (answer.status_code, "CALLBACK_URL" in answer.headers["x-error"]) == (400, True)
        long = pipeline.post("long", CALLBACK_URL=f"http://{'a' * 70}.example/")
        assert long.status_code == 201
        pipeline.face.grant()
        pipeline.face.finish(number + 1)
        assert pipeline.room.round(CALLBACKS) == 1
        assert "host is no name" in pipeline.room.messages(CALLBACKS, 9)[0].said
