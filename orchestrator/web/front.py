"""The front door: pages to sign in and out, here or at the identity provider."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from orchestrator.model.errors import NotFound, SmoketestError, Throttled
from orchestrator.service.door import check_onward
from orchestrator.web.admission import VisitHere
from orchestrator.web.house import Here, House
from orchestrator.web.papers import FieldsHere, enter, page, to, where

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_BACK = "/sign-in/oidc/back"


@routes.get("/sign-in")
def sign_in_page(
    house: Here, visit: VisitHere, onward: Annotated[str, Query(alias="to")] = "/"
) -> Response:
    """Show the form, or lead on whoever signed in already."""
    if visit.session:
        return to(check_onward(onward))
    return _sign_in(house, check_onward(onward))


@routes.post("/sign-in")
def sign_in(request: Request, house: Here, visit: VisitHere, fields: FieldsHere) -> Response:
    """Sign in with a password; whoever was signed in here before is out."""
    onward = check_onward(fields.text("to") or "/")
    door = house.reception.door
    try:
        entered = door.enter(fields.text("name"), fields.secret("password"), where(request))
    except SmoketestError as error:
        throttled = isinstance(error, Throttled)
        status = HTTPStatus.TOO_MANY_REQUESTS if throttled else HTTPStatus.FORBIDDEN
        return _sign_in(house, onward, status, wrong=str(error), name=fields.text("name"))
    enter(house, visit, entered)
    return to(onward)


@routes.post("/sign-out")
def sign_out(house: Here, visit: VisitHere) -> Response:
    """Sign out, here."""
    if visit.shown:
        house.reception.door.leave(visit.shown)
    visit.leave()
    return to("/")


@routes.post("/sign-in/oidc")
def sign_in_elsewhere(
    request: Request, house: Here, visit: VisitHere, fields: FieldsHere
) -> Response:
    """Go on at the identity provider."""
    onward = check_onward(fields.text("to") or "/")
    try:
        url, state = house.reception.door.begin(_back(request, house), onward)
    except SmoketestError as error:
        absent = isinstance(error, NotFound)
        status = HTTPStatus.NOT_FOUND if absent else HTTPStatus.SERVICE_UNAVAILABLE
        return _sign_in(house, onward, status, wrong=str(error))
    visit.remember(state)
    # Not by a redirect: where forms may lead is said by the policy of our pages.
    return page("onward.html", url=url, name=_provider(house))


@routes.get(_BACK)
def came_back(request: Request, house: Here, visit: VisitHere) -> Response:
    """Come back from the identity provider."""
    came = dict(request.query_params)
    state = visit.remembered(request)
    visit.forget()
    try:
        entered = house.reception.door.finish(came, state, _back(request, house), where(request))
    except SmoketestError as error:
        return _sign_in(house, "/", HTTPStatus.FORBIDDEN, wrong=str(error))
    enter(house, visit, entered)
    return to(entered.onward)


def _back(request: Request, house: House) -> str:
    """Return where the provider sends the browser back to: it knows no other address."""
    ours = house.reception.url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{ours}{_BACK}"


def _provider(house: House) -> str:
    oidc = house.reception.door.oidc
    return oidc.name if oidc else ""


def _sign_in(
    house: House,
    onward: str,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    wrong: str = "",
    name: str = "",
) -> Response:
    return page(
        "signin.html",
        status,
        to=onward,
        wrong=wrong,
        name=name,
        provider=_provider(house),
        lab=house.identity.lab,
        empty=not house.reception.door.users.any(),
    )
