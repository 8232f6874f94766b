"""The pages of a cell, the machines, the archs and the partners; each at an address of its own."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from orchestrator.stages.verdict import QUARANTINE_AFTER
from orchestrator.web.addresses import CellHere
from orchestrator.web.house import Here
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@routes.get("/cells/{run}/{arch}")
def cell_page(request: Request, house: Here, cell: CellHere) -> HTMLResponse:
    """Show a cell with its attempts, newest first."""
    seq = position(request)
    detail = house.library.cell(cell)
    return page(request, house, "cell.html", seq, detail=detail, attempts=detail.attempts[::-1])


@routes.get("/nodes")
def nodes_page(request: Request, house: Here) -> HTMLResponse:
    """Show the machines."""
    seq = position(request)
    return page(
        request,
        house,
        "nodes.html",
        seq,
        nodes=house.library.nodes(),
        quarantine_after=QUARANTINE_AFTER,
    )


@routes.get("/archs")
def archs_page(request: Request, house: Here) -> HTMLResponse:
    """Show the archs and who answers for them."""
    return page(request, house, "archs.html", position(request), archs=house.library.archs())


@routes.get("/partners")
def partners_page(request: Request, house: Here) -> HTMLResponse:
    """Show the partners, and how they keep to what was agreed."""
    board = house.partnership.board()
    return page(request, house, "partners.html", position(request), partners=board)
