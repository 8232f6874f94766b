"""A cell's page, and what can be done to it there."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from orchestrator.model.access import Asker
from orchestrator.model.ids import AttemptId, CellId
from orchestrator.model.run import State
from orchestrator.model.view import AttemptView, CellDetail
from orchestrator.model.waiver import Sort
from orchestrator.service.lieutenancy import Plea
from orchestrator.web.addresses import CellHere
from orchestrator.web.admission import AskerHere
from orchestrator.web.ansi import address
from orchestrator.web.forms import Fields
from orchestrator.web.house import Here, House
from orchestrator.web.keepsakes import Keepsake, keepsakes
from orchestrator.web.recorder import Chart, chart
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
acts = APIRouter(include_in_schema=False)


@routes.get("/cells/{run}/{arch}")
def cell_page(
    request: Request,
    house: Here,
    cell: CellHere,
    attempt: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    zoom: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """Show a cell with its attempts, newest first; the recorder shows `attempt`, or the newest."""
    seq = position(request)
    detail = house.library.cell(cell, alone=True)
    shown = _shown(detail, attempt)
    return page(
        request,
        house,
        "cell.html",
        seq,
        detail=detail,
        attempts=detail.attempts[::-1],
        waivers=house.lieutenancy.of_cell(cell),
        chart=_chart(house, cell, shown.attempt, zoom) if shown else None,
        recorded=shown.attempt if shown else "",
        kept=_kept(house, detail),
    )


@acts.post("/cells/{run}/{arch}/recheck")
def recheck(house: Here, cell: CellHere, fields: Fields) -> RedirectResponse:
    """Try the cell again."""
    house.desk.recheck(cell, fields.get("reason", ""))
    return _back(cell)


@acts.post("/cells/{run}/{arch}/cancel")
def cancel(house: Here, cell: CellHere) -> RedirectResponse:
    """Stop the cell."""
    house.desk.cancel_cell(cell)
    return _back(cell)


@acts.post("/cells/{run}/{arch}/hold")
def hold(house: Here, cell: CellHere, fields: Fields) -> RedirectResponse:
    """Keep the cell's machines for a person."""
    house.desk.hold(cell, _number(fields.get("hours", ""), "hours"))
    return _back(cell)


@acts.post("/cells/{run}/{arch}/release")
def release(house: Here, cell: CellHere) -> RedirectResponse:
    """Give the cell's machines back."""
    house.desk.release(cell)
    return _back(cell)


@acts.post("/cells/{run}/{arch}/ack")
def acknowledge(house: Here, asker: AskerHere, cell: CellHere, fields: Fields) -> RedirectResponse:
    """Say that somebody looks after the red cell."""
    return _say(house, asker, cell, fields.get("reason", ""), None)


@acts.post("/cells/{run}/{arch}/waive")
def waive(house: Here, asker: AskerHere, cell: CellHere, fields: Fields) -> RedirectResponse:
    """Say that the red cell is known, and stops nobody for some days."""
    days = _number(fields.get("days", ""), "days")
    return _say(house, asker, cell, fields.get("reason", ""), days)


@acts.post("/cells/{run}/{arch}/waivers/{waiver}/withdraw")
def withdraw(house: Here, cell: CellHere, waiver: int) -> RedirectResponse:
    """Take back what was said of the cell."""
    house.lieutenancy.withdraw(cell, waiver)
    return _back(cell)


def _say(
    house: House, asker: Asker, cell: CellId, reason: str, days: float | None
) -> RedirectResponse:
    until = house.library.clock.now() + timedelta(days=days) if days is not None else None
    house.lieutenancy.say(
        Plea(
            cell=cell,
            sort=Sort.ACK if until is None else Sort.WAIVE,
            reason=reason,
            by=asker.name,
            until=until,
        )
    )
    return _back(cell)


def _shown(detail: CellDetail, number: int) -> AttemptView | None:
    wanted = f"{detail.cell.cell}/{number}"
    named = (one for one in detail.attempts if one.attempt == wanted)
    return next(named, detail.attempts[-1] if detail.attempts else None)


def _chart(house: House, cell: CellId, attempt: str, zoom: str) -> Chart | None:
    flight = house.recorder.flight(AttemptId(attempt))
    if flight is None:
        return None
    good = house.recorder.last_good(cell)
    return chart(flight, house.recorder.flight(good) if good else None, zoom)


def _kept(house: House, detail: CellDetail) -> dict[str, tuple[Keepsake, ...]]:
    """Return each attempt's files; the newest may still write to its own."""
    newest = detail.attempts[-1].attempt if detail.attempts else ""
    return {
        one.attempt: keepsakes(
            house.files,
            AttemptId(one.attempt),
            over=one.attempt != newest or detail.cell.state is State.DONE,
        )
        for one in detail.attempts
    }


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        detail = f"{what} is a number, not {text[:40]!r}"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, detail) from error


def _back(cell: CellId) -> RedirectResponse:
    return RedirectResponse(address("cells", cell), HTTPStatus.SEE_OTHER)
