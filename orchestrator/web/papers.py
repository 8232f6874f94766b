"""What pages with forms have in common: the fields that come in, and what goes out."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from orchestrator.model.access import Role
from orchestrator.model.errors import ConfigError
from orchestrator.model.secret import Secret
from orchestrator.service.accounts import Place
from orchestrator.service.door import Entered, Where
from orchestrator.web import forms
from orchestrator.web.environment import TEMPLATES
from orchestrator.web.house import House
from orchestrator.web.visits import Visit


class Fields:
    """What a form brings; a field that is not there is empty."""

    def __init__(self, given: dict[str, str]) -> None:
        """Take the fields."""
        self._given = given

    def text(self, name: str) -> str:
        """Return a field without blanks around it."""
        return self._given.get(name, "").strip()

    def secret(self, name: str) -> Secret:
        """Return a field as it was typed."""
        return Secret(self._given.get(name, ""))

    def role(self) -> Role:
        """Return the role that was chosen; raise `ConfigError` for none."""
        try:
            return Role(self.text("role"))
        except ValueError:
            raise ConfigError(f"choose a role: {', '.join(Role)}") from None

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a field, between blanks and commas."""
        return tuple(self.text(name).replace(",", " ").split())

    def place(self) -> Place:
        """Return what the form makes somebody."""
        return Place(role=self.role(), archs=self.words("archs"), partner=self.text("partner"))


async def _fields(request: Request) -> Fields:
    return Fields(dict(await forms.form(request)))


FieldsHere = Annotated[Fields, Depends(_fields)]


def page(template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> Response:
    """Return a page that does not follow events."""
    shared: dict[str, object] = {"here": template.removesuffix(".html"), "lab": "", "seq": None}
    text = TEMPLATES.get_template(template).render(shared | values)
    return HTMLResponse(text, status)


def to(path: str) -> Response:
    """Lead the browser on to a page; it asks for that by GET."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def where(request: Request) -> Where:
    """Return where the request is from."""
    host = request.client.host if request.client else ""
    return Where(address=host, agent=request.headers.get("user-agent", ""))


def enter(house: House, visit: Visit, entered: Entered) -> None:
    """Give the browser its new session; what it had before is worth nothing."""
    if visit.shown:
        house.reception.door.leave(visit.shown)
    visit.enter(entered.shown.reveal(), house.reception.rules.longest.total_seconds())
