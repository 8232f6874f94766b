"""The pages of the archs and the partners; each at an address of its own."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from orchestrator.web.house import Here
from orchestrator.web.partners import board_for
from orchestrator.web.showing import page, position
from orchestrator.web.visits import visit_of

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@routes.get("/archs")
def archs_page(request: Request, house: Here) -> HTMLResponse:
    """Show the archs and who answers for them."""
    return page(request, house, "archs.html", position(request), archs=house.library.archs())


@routes.get("/partners")
def partners_page(request: Request, house: Here) -> HTMLResponse:
    """Show the partners, and how they keep to what was agreed."""
    board = board_for(visit_of(request), house)
    return page(request, house, "partners.html", position(request), partners=board)
