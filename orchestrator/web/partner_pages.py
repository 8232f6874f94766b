"""The page of one partner: its cells, how it keeps to what was agreed, and what was said last."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from orchestrator.model.errors import NotFound
from orchestrator.model.flight import FLIGHT_LOG, Line, Track
from orchestrator.model.ids import AttemptId
from orchestrator.model.partner import Contract, Standing
from orchestrator.model.view import OrderView, PartnerView
from orchestrator.web.ansi import address
from orchestrator.web.house import Here, House
from orchestrator.web.recorder import STEPS
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

#: orders whose calls are shown, calls that are, and bytes of one log that are read
RECENT, CALLS, READ = 10, 60, 1 << 20
#: lines of the plot, at most
_LINES = 5
_SHAPES = {
    Standing.ANSWERED: "passed",
    Standing.LATE: "waiting",
    Standing.TAKEN: "waiting",
    Standing.SILENT: "failed",
    Standing.REFUSED: "broken",
    Standing.WITHDRAWN: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call to the partner or of it."""

    at: datetime
    attempt: str
    text: str
    bad: bool
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An order in the plot: `x` and `y` in percents, `y` from the top."""

    x: float
    y: float
    kind: str
    order: OrderView
    seconds: float
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """How long the partner took, order by order."""

    points: tuple[Point, ...]
    #: where the deadline lies, from the top
    deadline: float
    #: places from the top and their seconds
    ticks: tuple[tuple[float, float], ...]


@routes.get("/partners/{name}")
def partner_page(request: Request, house: Here, name: str) -> HTMLResponse:
    """Show a partner."""
    seq = position(request)
    view = house.partnership.one(name)
    contract = house.partnership.contracts[name]
    return page(
        request,
        house,
        "partner.html",
        seq,
        one=view,
        contract=contract,
        plot=_plot(view, contract, house.library.clock.now()),
        calls=_calls(house, view),
        shapes=_SHAPES,
    )


def _plot(view: PartnerView, contract: Contract, now: datetime) -> Plot | None:
    orders = view.orders[::-1]
    if not orders:
        return None
    took = [((order.over_at or now) - order.asked_at).total_seconds() for order in orders]
    highest = max(*took, contract.deadline) * 1.08
    width = max(1, len(orders))
    return Plot(
        points=tuple(
            Point(
                x=round(100 * (index + 0.5) / width, 2),
                y=round(100 - 100 * seconds / highest, 2),
                kind=_SHAPES.get(order.standing, "running"),
                order=order,
                seconds=seconds,
                href=address("cells", order.attempt.rpartition("/")[0]),
            )
            for index, (order, seconds) in enumerate(zip(orders, took, strict=True))
        ),
        deadline=round(100 - 100 * contract.deadline / highest, 2),
        ticks=tuple(_ticks(highest)),
    )


def _ticks(highest: float) -> Iterator[tuple[float, float]]:
    step = next((step for step in STEPS if highest / step <= _LINES), STEPS[-1])
    for number in range(int(highest / step) + 1):
        yield round(100 - 100 * number * step / highest, 2), number * step


def _calls(house: House, view: PartnerView) -> tuple[Call, ...]:
    found = [
        call
        for order in view.orders[:RECENT]
        for call in _calls_of(house, AttemptId(order.attempt))
    ]
    return tuple(sorted(found, key=lambda call: call.at, reverse=True)[:CALLS])


def _calls_of(house: House, attempt: AttemptId) -> list[Call]:
    try:
        size = house.files.size(attempt, FLIGHT_LOG)
        text = house.files.read(attempt, FLIGHT_LOG, 0, min(size, READ)).decode(errors="replace")
    except NotFound:
        return []
    log = address("logs", attempt, FLIGHT_LOG)
    lines = ((n, Line.read(line)) for n, line in enumerate(text.splitlines(), 1))
    return [
        Call(
            at=line.at,
            attempt=attempt,
            text=line.text,
            bad=": failed after " in line.text,
            href=f"{log}?line={number}#L{number}",
        )
        for number, line in lines
        if line and line.track is Track.PARTNER
    ]
