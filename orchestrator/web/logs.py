"""Logs: a page for each, its lines numbered, searched and linked to; and as they are written."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field

from orchestrator.model.ids import AttemptId, cell_of
from orchestrator.model.run import State
from orchestrator.web.addresses import AttemptHere
from orchestrator.web.ansi import Rows, Style, address, rows
from orchestrator.web.house import Here, House
from orchestrator.web.showing import page
from orchestrator.web.stream import Feed

routes = APIRouter(include_in_schema=False)

#: lines on one page, lines of a log that is unfolded on another page, and hits of a search
PAGE, TAIL, HITS = 2000, 200, 500
#: bytes of one answer with new lines, and of one read
PART = 1 << 18
_BLOCK = 1 << 20
#: seconds between looks at a file that somebody waits for, and for which nobody waits longer
GLANCE, LONGEST_WAIT = 0.05, 8.0

Name = Annotated[str, Path(max_length=250, pattern=r"^[^\x00-\x1f]+$")]
_Line = Annotated[int, Query(ge=0, lt=2**31)]


class Asked(BaseModel):
    """Where somebody is who reads a log; without an offset at its last few lines."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offset: Annotated[int | None, Field(ge=0, lt=2**62)] = None
    line: Annotated[int, Field(ge=1, lt=2**31)] = 1
    style: Annotated[str, Field(max_length=100)] = ""
    #: the file's size that was seen
    seen: Annotated[int, Field(ge=0, lt=2**62)] = 0
    #: seconds that an answer may wait for news
    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = 0
    #: whether the lines are to be linked to where they will stand
    ids: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """New lines of a log, and what to ask with for those after them."""

    html: str
    offset: int
    line: int
    style: str
    #: the file's size that was seen
    seen: int
    #: there is more already
    more: bool
    #: the attempt goes on, and so may the log
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A line that a search found."""

    line: int
    html: Markup


@routes.get("/logs/{run}/{arch}/{number}/{name:path}", response_class=HTMLResponse)
def log_page(
    request: Request,
    house: Here,
    attempt: AttemptHere,
    name: Name,
    line: _Line = 0,
    q: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Show the part of a log that holds `line` (its end while it is written), or what `q` finds."""
    size = house.files.size(attempt, name)
    live = _live(house, attempt)
    hits = tuple(_search(house, attempt, name, q)) if q else ()
    first, offset = (0, 0) if q else _begin(house, attempt, name, line, end=live)
    part = b"" if q else _page_from(house, attempt, name, offset)
    shown = rows(part, first + 1, Style(), ids=True)
    return page(
        request,
        house,
        "log.html",
        None,
        attempt=attempt,
        cell=cell_of(attempt),
        name=name,
        size=size,
        live=live,
        q=q,
        hits=hits[:HITS],
        many=len(hits) > HITS,
        first=first + 1,
        shown=shown,
        offset=offset + shown.whole,
        ended=offset + len(part) >= size,
        per_page=PAGE,
        raw=address("api", "files", attempt, name),
        lines=address("log-lines", attempt, name),
    )


@routes.get("/log-lines/{run}/{arch}/{number}/{name:path}")
async def log_lines(
    request: Request,
    house: Here,
    attempt: AttemptHere,
    name: Name,
    asked: Annotated[Asked, Query()],
) -> Lines:
    """Return the next lines once the file is beyond what was seen.

    An answer without news comes after `wait` seconds.
    """
    feed: Feed = request.app.state.feed
    left = asked.wait
    while await asyncio.to_thread(house.files.size, attempt, name) <= asked.seen and left > 0:
        if not feed.is_open or await request.is_disconnected():
            break
        await asyncio.sleep(GLANCE)
        left -= GLANCE
    return await asyncio.to_thread(_lines, house, attempt, name, asked)


def _lines(house: House, attempt: AttemptId, name: str, asked: Asked) -> Lines:
    line, offset = asked.line, asked.offset
    if offset is None:
        before, offset = _tail(house, attempt, name)
        line = before + 1
    text = house.files.read(attempt, name, offset, PART)
    href = address("logs", attempt, name)
    found: Rows = rows(text, line, Style.read(asked.style), ids=asked.ids, href=href)
    # A line longer than a part is cut where the part ends, or it would never end.
    whole = found.whole or (len(text) if len(text) == PART else 0)
    return Lines(
        html=str(found.html),
        offset=offset + whole,
        line=found.line,
        style=str(found.style),
        seen=offset + len(text),
        more=len(text) == PART,
        live=_live(house, attempt),
    )


def _live(house: House, attempt: AttemptId) -> bool:
    cell = house.library.runs_.cell(cell_of(attempt))
    return cell.state is not State.DONE and cell.attempts[-1:] == (attempt,)


def _blocks(house: House, attempt: AttemptId, name: str) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while block := house.files.read(attempt, name, offset, _BLOCK):
        yield offset, block
        offset += len(block)


def _begin(house: House, attempt: AttemptId, name: str, line: int, *, end: bool) -> tuple[int, int]:
    """Return how many lines are before the page that holds `line`, and where it begins."""
    if not line and end:
        return _tail(house, attempt, name, PAGE)
    before = max(0, line - 1) // PAGE * PAGE
    if not before:
        return 0, 0
    seen = 0
    for offset, block in _blocks(house, attempt, name):
        count = block.count(b"\n")
        if seen + count >= before:
            at = -1
            for _ in range(before - seen):
                at = block.index(b"\n", at + 1)
            return before, offset + at + 1
        seen += count
    return 0, 0


def _tail(house: House, attempt: AttemptId, name: str, lines: int = TAIL) -> tuple[int, int]:
    """Return how many lines are before the last few, and where those begin."""
    starts = [0]
    for offset, block in _blocks(house, attempt, name):
        starts += [offset + found.end() for found in re.finditer(b"\n", block)]
    first = max(0, len(starts) - 1 - lines)
    return first, starts[first]


def _page_from(house: House, attempt: AttemptId, name: str, offset: int) -> bytes:
    """Return the bytes of one page's lines from `offset`."""
    text = house.files.read(attempt, name, offset, 4 * _BLOCK)
    parts = text.split(b"\n", PAGE)
    if len(parts) <= PAGE:
        return text
    return text[: len(text) - len(parts[-1])]


def _search(house: House, attempt: AttemptId, name: str, q: str) -> Iterator[Hit]:
    """Yield the lines that hold `q` in any case, that marked; one more than is shown."""
    wanted = re.compile(re.escape(q), re.IGNORECASE)
    number, rest, count = 0, b"", 0
    for _, block in _blocks(house, attempt, name):
        *whole, rest = (rest + block).split(b"\n")
        for raw in whole:
            number += 1
            if found := _hit(wanted, raw, number):
                yield found
                count += 1
            if count > HITS:
                return
    if found := _hit(wanted, rest, number + 1):
        yield found


def _hit(wanted: re.Pattern[str], raw: bytes, number: int) -> Hit | None:
    text = str(rows(raw, 1, Style(), ids=False).html.striptags()) if raw else ""
    parts, at = [], 0
    for found in wanted.finditer(text):
        parts += [text[at : found.start()], Markup("<mark>{}</mark>").format(found[0])]
        at = found.end()
    if not parts:
        return None
    return Hit(line=number, html=Markup("").join((*parts, text[at:])))
