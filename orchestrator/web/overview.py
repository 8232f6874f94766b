"""The matrix, which is the home page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from orchestrator.web.house import Here
from orchestrator.web.matrix import lay_out, pulse
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

#: how many runs back the count of what runs and waits looks
LOOK_BACK = 100


@routes.get("/")
def matrix(
    request: Request,
    house: Here,
    repo: str = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> HTMLResponse:
    """Show the newest runs against all archs, of one repository if named."""
    seq = position(request)
    everything = house.library.recent(limit=LOOK_BACK)
    runs = house.library.recent(repo=repo, limit=limit) if repo else everything[:limit]
    return page(
        request,
        house,
        "matrix.html",
        seq,
        matrix=lay_out(runs, house.library.archs()),
        pulse=pulse(everything, house.library.nodes(), house.library.clock.now()),
        repo=repo,
        repos=sorted({run.repo for run in everything} | ({repo} if repo else set())),
        limit=limit,
    )
