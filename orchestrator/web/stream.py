"""Server-sent events: one follower of the store, any number of listeners.

Each event is encoded once. A listener holds nothing but its position, so that five hundred of them
cost little, and one that falls behind reads on from the store.
"""

import asyncio
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from pydantic import TypeAdapter

from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId, RunId, cell_of, run_of
from orchestrator.ports.store import Events

POLL_SECONDS = 0.2
HEARTBEAT_SECONDS = 15.0
#: how many of the newest events are kept at hand, encoded
KEPT = 2000
_PAGE = 500
#: positions in the store are 64-bit integers
_HIGHEST = 2**62

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event and whose it is, as the stream's `data`."""

    attempt: AttemptId
    event: Event


_JSON = TypeAdapter(Happened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An event as it goes over the wire."""

    seq: int
    run: RunId
    cell: CellId
    data: bytes


class Ear(Protocol):
    """Whoever listens: for how long they may, and what they may hear."""

    #: seconds after which it is asked again whether they may go on
    pause: float

    async def still(self) -> bool:
        """Return whether they may go on listening."""
        ...

    async def heard(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Return those that they may hear."""
        ...


class Anybody:
    """Who hears everything for as long as they like."""

    pause = HEARTBEAT_SECONDS

    async def still(self) -> bool:
        """Return that they may."""
        return True

    async def heard(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Return all of them."""
        return frames


ANYBODY = Anybody()


class Feed:
    """Follows the store and tells every listener."""

    def __init__(self, events: Events) -> None:
        """Take the history to follow."""
        self._events = events
        self._kept: deque[Frame] = deque(maxlen=KEPT)
        self._base = 0
        self._news = asyncio.Event()
        self._open = True
        #: position of the newest event that was seen
        self.position = 0
        #: how many listen now
        self.listeners = 0

    async def begin(self) -> None:
        """Find the end of the history; what happens from now on is followed."""
        self.position = self._base = await asyncio.to_thread(newest, self._events)

    async def follow(self) -> None:
        """Look for news until cancelled; a store that fails is asked again."""
        while self._open:
            try:
                found = await asyncio.to_thread(self._events.since, self.position, _PAGE)
            except Exception:  # the one catch: live pages must outlive a locked store
                log.exception("could not read the newest events; trying again")
                await asyncio.sleep(HEARTBEAT_SECONDS / 10)
                continue
            self._publish(_frames(found))
            if len(found) < _PAGE:
                await asyncio.sleep(POLL_SECONDS)

    @property
    def is_open(self) -> bool:
        """Return whether anybody may still wait: a server that shuts down lets everybody go."""
        return self._open

    def close(self) -> None:
        """Let every listener go, so that a server that shuts down need not wait for them."""
        self._open = False
        self._news.set()

    async def listen(
        self, seq: int, run: RunId | None = None, ear: Ear = ANYBODY
    ) -> AsyncIterator[bytes]:
        """Yield what happened after `seq` (in `run`, if named) and whatever happens from now on.

        It ends when `ear` may not listen any more.
        """
        self.listeners += 1
        try:
            yield b"retry: 2000\n\n"
            async for told in self._told(seq, run, ear):
                yield told
        finally:
            self.listeners -= 1

    async def _told(self, seq: int, run: RunId | None, ear: Ear) -> AsyncIterator[bytes]:
        while self._open and await ear.still():
            news, before = self._news, seq
            found, seq = await self._after(seq, run)
            if frames := await ear.heard(found):
                yield b"".join(frame.data for frame in frames)
            if seq > before:
                continue
            try:
                await asyncio.wait_for(news.wait(), ear.pause)
            except TimeoutError:
                yield b": nothing new\n\n"

    async def _after(self, seq: int, run: RunId | None) -> tuple[list[Frame], int]:
        """Return what comes after `seq` as far as it is known, and how far that is."""
        base = self._base
        if seq >= base:
            news = list(takewhile(lambda frame: frame.seq > seq, reversed(self._kept)))[::-1]
            return [frame for frame in news if run in {None, frame.run}], max(
                (frame.seq for frame in news), default=seq
            )
        if run is None:
            frames = _frames(await asyncio.to_thread(self._events.since, seq, _PAGE))
            return frames, frames[-1].seq if frames else seq
        frames = _frames(await asyncio.to_thread(self._events.of_run, run, seq, _PAGE))
        last = frames[-1].seq if frames else seq
        return frames, last if len(frames) == _PAGE else max(last, base)

    def _publish(self, frames: Sequence[Frame]) -> None:
        if not frames:
            return
        for frame in frames:
            if len(self._kept) == KEPT:
                self._base = self._kept[0].seq
            self._kept.append(frame)
        self.position = frames[-1].seq
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()


def newest(events: Events) -> int:
    """Return the position of the newest event, 0 without any: about sixty look-ups of one row."""
    return bisect_left(range(_HIGHEST), True, key=lambda seq: not events.since(seq, 1))  # noqa: FBT003


def _frames(found: Sequence[tuple[AttemptId, Event]]) -> list[Frame]:
    return [_frame(attempt, event) for attempt, event in found]


def _frame(attempt: AttemptId, event: Event) -> Frame:
    body = _JSON.dump_json(Happened(attempt=attempt, event=event))
    data = b"id: %d\ndata: %s\n\n" % (event.seq, body)
    return Frame(seq=event.seq, run=run_of(attempt), cell=cell_of(attempt), data=data)
