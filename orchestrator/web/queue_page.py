"""The queue as the scheduler sees it, and the machines' next hours as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from orchestrator.service.outlook import Outlook, outlook
from orchestrator.web.house import Here
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

#: units across the picture
WIDTH = 1000
#: who waits and is drawn, the first ones
DRAWN = 24
_SHORTEST, _LONGEST = timedelta(minutes=10), timedelta(hours=24)
_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The stretch of time that is drawn."""

    begin: datetime
    end: datetime

    def at(self, when: datetime) -> int:
        """Return where a time lies, in units of `WIDTH`, at the edge if outside."""
        part = (when - self.begin) / (self.end - self.begin)
        return round(WIDTH * min(1.0, max(0.0, part)))

    def ticks(self) -> tuple[datetime, ...]:
        """Return times at equal distances, from the beginning to the end."""
        step = (self.end - self.begin) / (_TICKS - 1)
        return tuple(self.begin + step * number for number in range(_TICKS))


@routes.get("/queue")
def queue(
    request: Request,
    house: Here,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    skip: Annotated[int, Query(ge=0, le=10**6)] = 0,
) -> HTMLResponse:
    """Show who waits in which order, why and until about when, and who has the machines."""
    seq = position(request)
    found = outlook(house.library)
    return page(
        request,
        house,
        "queue.html",
        seq,
        outlook=found,
        places=found.places[skip : skip + limit],
        drawn=[place for place in found.places[:DRAWN] if place.starts],
        scale=scale(found, house.library.clock.now()),
        limit=limit,
        skip=skip,
    )


def scale(found: Outlook, now: datetime) -> Scale:
    """Return a stretch that shows since when machines are busy, and until when they will be."""
    past = [busy.since for busy in found.machines if busy.since]
    future = [busy.until for busy in found.machines if busy.until]
    future += [place.ends for place in found.places[:DRAWN] if place.ends]
    back, ahead = _spread(now, past), _spread(now, future)
    return Scale(begin=now - back, end=now + ahead)


def _spread(now: datetime, times: Sequence[datetime]) -> timedelta:
    """Return how far the farthest is from now, and no less or more than can be drawn."""
    farthest = max((abs(when - now) for when in times), default=_SHORTEST)
    return min(_LONGEST, max(_SHORTEST, farthest * 1.05))
