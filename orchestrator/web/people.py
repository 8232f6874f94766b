"""The API's part about people: who one is, the users, and the record of what was changed."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from orchestrator.model.access import RIGHTS, Reach, Right, Role
from orchestrator.model.account import Change, User
from orchestrator.model.secret import Secret
from orchestrator.service.accounts import Place
from orchestrator.web.admission import VisitHere
from orchestrator.web.bodies import Body, Word
from orchestrator.web.house import Here

routes = APIRouter(prefix="/api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who asks, and what they may do: right by right, on what."""

    name: str
    role: Role | None
    via: str
    archs: tuple[str, ...]
    partner: str
    rights: dict[Right, Reach]
    #: whether what there is can be seen without signing in
    anonymous_read: bool


class PlaceBody(Body):
    """What somebody is to be here."""

    role: Role
    archs: Annotated[tuple[Word, ...], Field(max_length=1000)] = ()
    partner: Annotated[str, Field(max_length=200)] = ""

    def place(self) -> Place:
        """Return it as the accounts take it."""
        return Place(role=self.role, archs=self.archs, partner=self.partner)


class PasswordBody(Body):
    """A password; it is never shown again."""

    password: Annotated[str, Field(max_length=1000, repr=False)]


class UserBody(PlaceBody, PasswordBody):
    """A new user."""

    name: Word


@routes.get("/me")
def me(house: Here, visit: VisitHere) -> Me:
    """Return who asks, and what they may do."""
    asker = visit.asker
    return Me(
        name=asker.name if asker else "",
        role=asker.role if asker else None,
        via=asker.via if asker else "nothing",
        archs=asker.archs if asker else (),
        partner=asker.partner if asker else "",
        rights=dict(RIGHTS[asker.role]) if asker else {},
        anonymous_read=house.reception.rules.anonymous_read,
    )


@routes.get("/users")
def users(house: Here) -> tuple[User, ...]:
    """Return every user by name."""
    return house.reception.accounts.all()


@routes.post("/users", status_code=HTTPStatus.CREATED)
def add(house: Here, body: UserBody) -> User:
    """Add a local user; from then on nobody acts without signing in."""
    return house.reception.accounts.add(body.name, body.place(), Secret(body.password))


@routes.post("/users/{name}/role")
def role(house: Here, name: str, body: PlaceBody) -> User:
    """Make a user something else, at once."""
    return house.reception.accounts.set_role(name, body.place())


@routes.post("/users/{name}/password")
def password(house: Here, name: str, body: PasswordBody) -> User:
    """Give a local user another password; they are signed out everywhere."""
    return house.reception.accounts.set_password(name, Secret(body.password))


@routes.post("/users/{name}/disable")
def disable(house: Here, name: str) -> User:
    """Let a user, their sessions and their tokens do nothing any more."""
    return house.reception.accounts.disable(name)


@routes.post("/users/{name}/enable")
def enable(house: Here, name: str) -> User:
    """Let a user in again."""
    return house.reception.accounts.enable(name)


@routes.get("/audit")
def audit(
    house: Here,
    who: str = "",
    before: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> tuple[Change, ...]:
    """Return what was changed, the newest first, from before the number `before` if given."""
    return house.reception.ledger.newest(before=before, limit=limit, who=who)
