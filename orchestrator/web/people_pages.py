"""Pages about people: one's own account, the users, and the record of what was changed."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from orchestrator.model.access import Role, within
from orchestrator.model.account import Source, User
from orchestrator.model.errors import SmoketestError
from orchestrator.service.accounts import SHORTEST
from orchestrator.service.gate import Wish
from orchestrator.web.admission import AskerHere, VisitHere
from orchestrator.web.house import Here, House
from orchestrator.web.papers import FieldsHere, enter, page, to, where
from orchestrator.web.visits import Visit

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

#: entries of the record on one page
PAGE = 100


@routes.get("/account")
def account(house: Here, visit: VisitHere, asker: AskerHere) -> Response:
    """Show one's own account."""
    return _account(house, visit, asker.name)


@routes.post("/account/password")
def own_password(request: Request, house: Here, visit: VisitHere, fields: FieldsHere) -> Response:
    """Change one's own password; every session ends, and this browser gets a new one."""
    name, new = _own(visit), fields.secret("new")
    if new != fields.secret("again"):
        return _account(house, visit, name, wrong="the new password was typed in two ways")
    try:
        house.reception.accounts.change_password(name, fields.secret("old"), new)
    except SmoketestError as error:
        return _account(house, visit, name, wrong=str(error))
    enter(house, visit, house.reception.door.enter(name, new, where(request)))
    return to("/account")


@routes.post("/account/tokens")
def own_token(house: Here, visit: VisitHere, asker: AskerHere, fields: FieldsHere) -> Response:
    """Make a token of one's own, and show it, this once."""
    try:
        wish = Wish(
            role=fields.role(),
            note=fields.text("note"),
            days=float(fields.text("days") or 90),
            archs=fields.words("archs"),
            user=_own(visit),
            partner=asker.partner if fields.role() is Role.VENDOR else "",
        )
        _, opens = house.gate.give_to(asker, wish)
    except ValueError:
        return _account(house, visit, asker.name, wrong="days: write a number, such as 90")
    except SmoketestError as error:
        return _account(house, visit, asker.name, wrong=str(error))
    return _account(house, visit, asker.name, opens=opens.reveal())


@routes.post("/account/tokens/{token}/revoke")
def revoke(house: Here, asker: AskerHere, token: str) -> Response:
    """Make one of one's own tokens worth nothing."""
    house.gate.revoke_for(asker, token)
    return to("/account")


@routes.post("/account/sessions/{session}/end")
def end_session(house: Here, visit: VisitHere, session: str) -> Response:
    """Sign out elsewhere."""
    house.reception.accounts.end_sessions(_own(visit), only=session)
    return to("/account")


@routes.get("/users")
def users(house: Here) -> Response:
    """Show the users."""
    return _users(house)


@routes.post("/users")
def add_user(house: Here, fields: FieldsHere) -> Response:
    """Add a local user."""
    accounts = house.reception.accounts
    return _acted(
        house,
        lambda: accounts.add(fields.text("name"), fields.place(), fields.secret("password")),
    )


@routes.post("/users/{name}/role")
def set_role(house: Here, name: str, fields: FieldsHere) -> Response:
    """Make a user something else."""
    return _acted(house, lambda: house.reception.accounts.set_role(name, fields.place()))


@routes.post("/users/{name}/password")
def set_password(house: Here, name: str, fields: FieldsHere) -> Response:
    """Give a user another password."""
    accounts = house.reception.accounts
    return _acted(house, lambda: accounts.set_password(name, fields.secret("password")))


@routes.post("/users/{name}/disable")
def disable(house: Here, name: str) -> Response:
    """Let a user do nothing any more."""
    return _acted(house, lambda: house.reception.accounts.disable(name))


@routes.post("/users/{name}/enable")
def enable(house: Here, name: str) -> Response:
    """Let a user in again."""
    return _acted(house, lambda: house.reception.accounts.enable(name))


@routes.get("/audit")
def audit(
    house: Here, who: str = "", before: Annotated[int, Query(ge=0, lt=2**31)] = 0
) -> Response:
    """Show the record."""
    changes = house.reception.ledger.newest(before=before, limit=PAGE, who=who)
    older = changes[-1].number if len(changes) == PAGE else 0
    onward = f"/audit?before={older}" + (f"&who={quote(who)}" if who else "") if older else ""
    return page(
        "audit.html",
        changes=changes,
        who=who,
        onward=onward,
        lab=house.identity.lab,
        now=house.library.clock.now(),
    )


def _own(visit: Visit) -> str:
    """Return whose session it is; raise `HTTPException` 403 for who has no account here."""
    if visit.session is None:
        msg = "this is about an account, and takes a sign-in: `smoketest user add` makes one"
        raise HTTPException(HTTPStatus.FORBIDDEN, msg)
    return visit.session.user


def _account(
    house: House, visit: Visit, name: str, *, wrong: str = "", opens: str = ""
) -> Response:
    asker, session = visit.asker, visit.session
    known = house.reception.accounts.one(name) if session else None
    return page(
        "account.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        asker=asker,
        user=known,
        local=known is not None and known.source is Source.LOCAL,
        session=session,
        sessions=house.reception.accounts.sessions_of(name) if session else (),
        tokens=[t for t in house.gate.all() if t.user == name] if session else [],
        roles=[role for role in Role if asker and within(role, asker.role)],
        wrong=wrong,
        opens=opens,
        shortest=SHORTEST,
        lab=house.identity.lab,
        now=house.library.clock.now(),
    )


def _acted(house: House, act: Callable[[], User]) -> Response:
    """Do what an admin wants and show the users again, or what was wrong with it."""
    try:
        act()
    except SmoketestError as error:
        return _users(house, wrong=str(error))
    return to("/users")


def _users(house: House, *, wrong: str = "") -> Response:
    return page(
        "users.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        users=house.reception.accounts.all(),
        roles=list(Role),
        partners=sorted(house.library.lab.partners),
        wrong=wrong,
        shortest=SHORTEST,
        lab=house.identity.lab,
        now=house.library.clock.now(),
    )
