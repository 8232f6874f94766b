"""The pages: the matrix, a run, a cell, the machines and the archs; each at an address of its own.

They only read: what changes something is told as the command to type.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from orchestrator.stages.verdict import QUARANTINE_AFTER
from orchestrator.web.addresses import CellHere, RunHere
from orchestrator.web.house import Here
from orchestrator.web.looks import TEMPLATES
from orchestrator.web.matrix import lay_out, pulse
from orchestrator.web.stream import Feed

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
    position = _position(request)
    everything = house.library.recent(limit=LOOK_BACK)
    runs = house.library.recent(repo=repo, limit=limit) if repo else everything[:limit]
    return _page(
        house,
        "matrix.html",
        position,
        matrix=lay_out(runs, house.library.archs()),
        pulse=pulse(everything, house.library.nodes(), house.library.clock.now()),
        repo=repo,
        repos=sorted({run.repo for run in everything} | ({repo} if repo else set())),
        limit=limit,
    )


@routes.get("/runs/{run}")
def run_page(request: Request, house: Here, run: RunHere) -> HTMLResponse:
    """Show a run with its cells."""
    position = _position(request)
    return _page(house, "run.html", position, run=house.library.run(run))


@routes.get("/cells/{run}/{arch}")
def cell_page(request: Request, house: Here, cell: CellHere) -> HTMLResponse:
    """Show a cell with its attempts, newest first."""
    position = _position(request)
    detail = house.library.cell(cell)
    return _page(house, "cell.html", position, detail=detail, attempts=detail.attempts[::-1])


@routes.get("/nodes")
def nodes_page(request: Request, house: Here) -> HTMLResponse:
    """Show the machines."""
    position = _position(request)
    return _page(
        house,
        "nodes.html",
        position,
        nodes=house.library.nodes(),
        quarantine_after=QUARANTINE_AFTER,
    )


@routes.get("/archs")
def archs_page(request: Request, house: Here) -> HTMLResponse:
    """Show the archs and who answers for them."""
    return _page(house, "archs.html", _position(request), archs=house.library.archs())


@routes.get("/partners")
def partners_page(request: Request, house: Here) -> HTMLResponse:
    """Show the partners, and how they keep to what was agreed."""
    board = house.partnership.board()
    return _page(house, "partners.html", _position(request), partners=board)


def _position(request: Request) -> int:
    """Return where the page's live updates begin: before it is read, so that none is missed."""
    feed: Feed = request.app.state.feed
    return feed.position


def _page(house: Here, template: str, position: int, **values: object) -> HTMLResponse:
    text = TEMPLATES.get_template(template).render(
        here=template.removesuffix(".html"),
        lab=house.identity.lab,
        now=house.library.clock.now(),
        seq=position,
        **values,
    )
    return HTMLResponse(text)
