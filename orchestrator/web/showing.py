"""A page from a template, with what every page shows: where one is, which lab, who looks."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import HTMLResponse

from orchestrator.web.environment import TEMPLATES
from orchestrator.web.house import House
from orchestrator.web.stream import Feed
from orchestrator.web.visitor import visitor_of


def position(request: Request) -> int:
    """Return where the page's live updates begin: asked before it is read, so none is missed."""
    feed: Feed = request.app.state.feed
    return feed.position


def page(
    request: Request,
    house: House,
    template: str,
    seq: int | None,
    status: int = HTTPStatus.OK,
    **values: object,
) -> HTMLResponse:
    """Return `template` with `values`; its name without the suffix says which page is marked.

    Without `seq` it is not kept up to date by itself.
    """
    text = TEMPLATES.get_template(template).render(
        here=template.removesuffix(".html"),
        lab=house.identity.lab,
        now=house.library.clock.now(),
        seq=seq,
        visitor=visitor_of(request),
        **values,
    )
    return HTMLResponse(text, status)
