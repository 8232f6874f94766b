"""A run's page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from orchestrator.web.addresses import RunHere
from orchestrator.web.house import Here
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@routes.get("/runs/{run}")
def run_page(request: Request, house: Here, run: RunHere) -> HTMLResponse:
    """Show a run with its cells."""
    seq = position(request)
    return page(request, house, "run.html", seq, run=house.library.run(run))
