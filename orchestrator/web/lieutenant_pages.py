"""The pages of lieutenants: what changed since they looked, and how their archs do."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import AwareDatetime

from orchestrator.model.health import Novelty
from orchestrator.web.ansi import address
from orchestrator.web.forms import Fields
from orchestrator.web.house import Here
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
acts = APIRouter(include_in_schema=False)

#: how a change looks
GLYPHS = {
    Novelty.RED: "failed",
    Novelty.FIXED: "passed",
    Novelty.FLAKY: "broken",
    Novelty.LOST: "quarantined",
    Novelty.SILENT: "waiting",
}


@routes.get("/lieutenants")
def lieutenants_page(request: Request, house: Here) -> HTMLResponse:
    """Show who answers for what."""
    everybody = house.lieutenancy.all()
    return page(request, house, "lieutenants.html", position(request), everybody=everybody)


@routes.get("/lieutenants/{name}")
def lieutenant_page(
    request: Request,
    house: Here,
    name: str,
    since: Annotated[AwareDatetime | None, Query()] = None,
    days: Annotated[float, Query(ge=0, le=365)] = 0,
) -> HTMLResponse:
    """Show what changed for a lieutenant after `since`, or in the last `days`; and their archs."""
    seq = position(request)
    now = house.library.clock.now()
    view = house.lieutenancy.view(name, since or (now - timedelta(days=days) if days else None))
    return page(
        request,
        house,
        "lieutenant.html",
        seq,
        view=view,
        glyphs=GLYPHS,
        asked=bool(since or days),
        days=days,
    )


@acts.post("/lieutenants/{name}/look")
def look(house: Here, name: str, fields: Fields) -> RedirectResponse:
    """Remember that the lieutenant has seen what the page showed."""
    now = house.library.clock.now()
    house.lieutenancy.look(name, _time(fields.get("at", "")) or now)
    return RedirectResponse(address("lieutenants", name), HTTPStatus.SEE_OTHER)


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
