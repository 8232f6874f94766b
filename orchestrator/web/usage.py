"""How a machine was used over time, as a picture: who had it when, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.health import Tenure
from orchestrator.model.ids import cell_of

#: how far back a picture looks, by its name in the address
SPANS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
_TICKS = {
    "hour": timedelta(minutes=10),
    "day": timedelta(hours=4),
    "week": timedelta(days=1),
    "month": timedelta(days=5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A lease; `x` and `width` in percents of the whole time."""

    x: float
    width: float
    kind: str
    attempt: str
    cell: str
    seconds: float
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A machine's leases in the last day, week or month."""

    span: str
    since: datetime
    blocks: tuple[Block, ...]
    #: places and times of the axis
    ticks: tuple[tuple[float, datetime], ...]
    #: share of the time that somebody had it
    busy: float
    leases: int


def usage(tenures: Sequence[Tenure], now: datetime, span: str) -> Usage:
    """Return the picture of the last `span` (`day` for one that is unknown)."""
    span = span if span in SPANS else "day"
    length, since = SPANS[span], now - SPANS[span]
    blocks = tuple(
        _block(tenure, since, now) for tenure in reversed(tenures) if (tenure.until or now) > since
    )
    return Usage(
        span=span,
        since=since,
        blocks=blocks,
        ticks=_ticks(since, now, _TICKS[span]),
        busy=min(1.0, sum(block.seconds for block in blocks) / length.total_seconds()),
        leases=len(blocks),
    )


def _block(tenure: Tenure, since: datetime, now: datetime) -> Block:
    begin, end = max(tenure.since, since), min(tenure.until or now, now)
    whole = (now - since).total_seconds()
    seconds = max(0.0, (end - begin).total_seconds())
    live = tenure.until is None
    return Block(
        x=round(100 * (begin - since).total_seconds() / whole, 3),
        width=round(max(0.15, 100 * seconds / whole), 3),
        kind=tenure.verdict or ("running" if live else "skipped"),
        attempt=tenure.attempt,
        cell=cell_of(tenure.attempt),
        seconds=seconds,
        live=live,
    )


def _ticks(since: datetime, now: datetime, step: timedelta) -> tuple[tuple[float, datetime], ...]:
    midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
    count = int((now - midnight) / step) + 1
    places = (midnight + n * step for n in range(count))
    whole = (now - since).total_seconds()
    return tuple(
        (round(100 * (at - since).total_seconds() / whole, 3), at) for at in places if at >= since
    )
