"""A run's page, and what can be done to it there."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from orchestrator.model.ids import CellId, RunId
from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.service import promotion
from orchestrator.service.changes import since_good
from orchestrator.web.addresses import CellHere, RunHere
from orchestrator.web.forms import Fields
from orchestrator.web.house import Here
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
acts = APIRouter(include_in_schema=False)

_GOOD = frozenset({Verdict.PASSED, Verdict.SKIPPED})


@routes.get("/runs/{run}")
def run_page(request: Request, house: Here, run: RunHere) -> HTMLResponse:
    """Show a run with its cells."""
    seq = position(request)
    view = house.library.run(run)
    settled = [cell for cell in view.cells if cell.state is State.DONE]
    return page(
        request,
        house,
        "run.html",
        seq,
        run=view,
        waiting=sum(cell.state is State.WAITING for cell in view.cells),
        bad=sum(cell.verdict not in _GOOD for cell in settled),
        settled=len(settled),
    )


@routes.get("/runs/{run}/since/{arch}")
def since(request: Request, house: Here, cell: CellHere) -> HTMLResponse:
    """Show what changed since the cell's arch was last green."""
    found = since_good(house.desk, house.library, house.recorder, cell)
    return page(request, house, "since.html", None, changes=found, cell=cell)


@acts.post("/runs/{run}/cancel")
def cancel(house: Here, run: RunHere) -> RedirectResponse:
    """Stop every cell of the run that is not over."""
    house.desk.cancel_run(run)
    return _back(run)


@acts.post("/runs/{run}/promote")
def promote(house: Here, run: RunHere, fields: Fields) -> RedirectResponse:
    """Put what waits of the run before everybody."""
    promotion.promote_run(house.desk, run, fields.get("reason", ""))
    return _back(run)


@acts.post("/runs/{run}/recheck")
def recheck(house: Here, run: RunHere, fields: Fields) -> RedirectResponse:
    """Try every cell again that is over and not green."""
    view = house.library.run(run)
    for cell in view.cells:
        if cell.state is State.DONE and cell.verdict not in _GOOD:
            house.desk.recheck(CellId(cell.cell), fields.get("reason", ""))
    return _back(run)


def _back(run: RunId) -> RedirectResponse:
    return RedirectResponse(f"/runs/{run}", HTTPStatus.SEE_OTHER)
