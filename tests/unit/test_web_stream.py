"""Server-sent events over a real server."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.web import stream
from tests.unit.web_house import Furnished, furnish

ATTEMPT = AttemptId("1/kvm-flat/1")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Furnished]:
    with furnish(tmp_path) as found:
        found.writer().post("/api/runs", json=found.body())
        yield found


def _note(home: Furnished, *texts: str) -> None:
    events = [Event(kind=Kind.NOTE, stage=Stage.DEPLOY, text=text) for text in texts]
    home.store.events.append(ATTEMPT, events, datetime.now(UTC))


def _newest(home: Furnished) -> int:
    return stream.newest(home.store.events)


def _listen(
    home: Furnished, count: int, since: int | None = None, last: str = ""
) -> list[dict[str, Any]]:
    """Return the next `count` messages as `{"id", ...data}`."""
    found: list[dict[str, Any]] = []
    headers = {"Last-Event-ID": last} if last else {}
    params = {} if since is None else {"since": since}
    with home.client().stream("GET", "/api/events", params=params, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        seq = 0
        for line in answer.iter_lines():
            if line.startswith("id: "):
                seq = int(line[4:])
            elif line.startswith("data: "):
                found.append({"id": seq} | json.loads(line[6:]))
            if len(found) == count:
                return found
    return found


def _texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["event"]["text"] for message in messages]


def test_history_is_replayed_in_order_whatever_its_length(home: Furnished) -> None:
    before = _newest(home)
    wanted = [f"step {number}" for number in range(1300)]
    _note(home, *wanted)
    found = _listen(home, 1300, since=before)
    assert _texts(found) == wanted
    assert [message["id"] for message in found] == sorted({m["id"] for m in found})
    assert {message["attempt"] for message in found} == {ATTEMPT}
    assert found[0]["event"]["stage"] == "deploy"


def test_what_happens_while_listening_arrives_soon(home: Furnished) -> None:
    before = _newest(home)
    with home.client().stream("GET", "/api/events") as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        began = time.monotonic()
        _note(home, "now")
        line = next(line for line in lines if '"now"' in line)
    assert json.loads(line[6:])["event"]["seq"] > before
    assert time.monotonic() - began < 5


def test_a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice(
    home: Furnished,
) -> None:
    before = _newest(home)
    _note(home, "one", "two")
    first = _listen(home, 2, since=before)
    _note(home, "three", "four")
    again = _listen(home, 2, since=before, last=str(first[-1]["id"]))
    assert _texts(first + again) == ["one", "two", "three", "four"]


def test_five_hundred_listeners_hear_everything(home: Furnished) -> None:
    before = _newest(home)
    asyncio.run(_crowd(home, before, 500))


async def _crowd(home: Furnished, before: int, size: int) -> None:
    limits = httpx.Limits(max_connections=None)
    connected = asyncio.Semaphore(0)
    async with httpx.AsyncClient(
        base_url=home.url, trust_env=False, timeout=60, limits=limits
    ) as client:
        crowd = [asyncio.create_task(_one(client, before, connected)) for _ in range(size)]
        for _ in range(size):
            await asyncio.wait_for(connected.acquire(), 60)
        began = time.monotonic()
        await asyncio.to_thread(_note, home, "a", "b", "c")
        heard = await asyncio.wait_for(asyncio.gather(*crowd), 60)
    assert heard == [["a", "b", "c"]] * size
    assert time.monotonic() - began < 20


async def _one(client: httpx.AsyncClient, since: int, connected: asyncio.Semaphore) -> list[str]:
    found: list[str] = []
    async with client.stream("GET", "/api/events", params={"since": since}) as answer:
        connected.release()
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line[6:])["event"]["text"])
            if len(found) == 3:
                break
    return found


def test_a_listener_from_the_future_hears_what_happens_now(home: Furnished) -> None:
    with home.client().stream("GET", "/api/events", params={"since": 10**9}) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("retry:")
        _note(home, "here")
        assert next(line for line in lines if '"here"' in line)


def test_a_server_that_ends_does_not_wait_for_its_listeners(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as open_streams:
        with furnish(tmp_path) as home:
            answer = open_streams.enter_context(home.client().stream("GET", "/api/events"))
            assert next(answer.iter_lines()).startswith("retry:")
            began = time.monotonic()
        assert time.monotonic() - began < 5
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_end_of_the_history_is_found_without_reading_it(home: Furnished) -> None:
    end = _newest(home)
    _note(home, *(str(number) for number in range(77)))
    newest = home.store.events.of(ATTEMPT)[-1].seq
    assert _newest(home) == newest == end + 77


def test_a_listener_that_is_far_behind_reads_on_from_the_store(
    home: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "KEPT", 10)
    texts = [str(number) for number in range(50)]
    before = _newest(home)

    async def late() -> list[str]:
        feed = stream.Feed(home.store.events)
        await feed.begin()
        follower = asyncio.create_task(feed.follow())
        _note(home, *texts)
        while feed.position < before + len(texts):
            await asyncio.sleep(0.01)
        heard = ""
        async for part in feed.listen(before):
            heard += part.decode()
            if heard.count("data:") == len(texts):
                break
        feed.close()
        await follower
        return [json.loads(x[6:])["event"]["text"] for x in heard.split("\n") if x[:5] == "data:"]

    assert asyncio.run(late()) == texts
