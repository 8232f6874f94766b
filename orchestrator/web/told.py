"""What is told to others: feeds of changes, runs in other programs' forms, and the outbox."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from orchestrator.model.export import Format, ctrf, junit
from orchestrator.model.ids import CellId
from orchestrator.model.notice import Change, Message, Subscription
from orchestrator.model.verdict import Verdict
from orchestrator.web.addresses import RunHere
from orchestrator.web.auth import Writer
from orchestrator.web.house import Here, House

routes = APIRouter()

_ATOM = "http://www.w3.org/2005/Atom"
_SAYS = {Verdict.PASSED: "passes again", Verdict.FAILED: "fails"}
Limit = Annotated[int, Query(ge=1, le=200)]


@routes.get("/feeds/changes.atom", response_class=Response)
def feed(
    house: Here, repo: str = "*", ref: str = "*", arch: str = "*", limit: Limit = 50
) -> Response:
    """Return the newest changes as an Atom feed; repo, ref and arch are globs."""
    wanted = Subscription(name="feed", repos=(repo,), refs=(ref,), archs=(arch,))
    changes = house.mailroom.feed(wanted, limit)
    return Response(_atom(house, changes), media_type="application/atom+xml")


@routes.get("/api/runs/{run}/export/{form}", response_class=Response)
def export(house: Here, run: RunHere, form: Format) -> Response:
    """Return a run in the form of JUnit (XML) or CTRF (JSON)."""
    found = house.library.run(run)
    cells = tuple(house.library.cell(CellId(cell.cell)) for cell in found.cells)
    if form is Format.JUNIT:
        return Response(junit(found, cells), media_type="application/xml")
    return JSONResponse(ctrf(found, cells))


@routes.get("/api/notices", dependencies=[Writer])
def notices(house: Here, subscription: str = "", limit: Limit = 50) -> tuple[Message, ...]:
    """Return the newest messages first; they hold addresses of people, hence the token."""
    return house.mailroom.messages(subscription, limit)


@routes.post("/api/notices/{message}/replay", dependencies=[Writer], status_code=HTTPStatus.OK)
def replay(house: Here, message: str) -> Message:
    """Send a message once more, under the same id."""
    return house.mailroom.replay(message)


def _atom(house: House, changes: tuple[Change, ...]) -> str:
    Xml.register_namespace("", _ATOM)
    url = house.library.url
    root = Xml.Element(f"{{{_ATOM}}}feed")
    _add(root, "title", f"smoketest: what changed on {house.identity.lab}")
    _add(root, "id", f"urn:smoketest:{house.identity.orchestrator}:changes")
    _add(root, "updated", changes[0].at.isoformat() if changes else "1970-01-01T00:00:00+00:00")
    Xml.SubElement(root, f"{{{_ATOM}}}link", rel="self", href=f"{url}/feeds/changes.atom")
    for change in changes:
        entry = Xml.SubElement(root, f"{{{_ATOM}}}entry")
        says = _SAYS.get(change.verdict or Verdict.BROKEN, "could not be judged")
        _add(entry, "title", f"{change.arch} {says} on {change.repo}@{change.ref}")
        _add(entry, "id", f"urn:smoketest:{house.identity.orchestrator}:{change.attempt}")
        _add(entry, "updated", change.at.isoformat())
        author = Xml.SubElement(entry, f"{{{_ATOM}}}author")
        _add(author, "name", change.requester or "smoketest")
        page = f"{url}/cells/{change.run}/{quote(change.arch, safe='+')}"
        Xml.SubElement(entry, f"{{{_ATOM}}}link", rel="alternate", href=page)
        cause = change.ruling.cause if change.ruling else ""
        _add(entry, "summary", f"{change.commit} {change.subject}\n{cause}".strip())
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(root, "unicode")}\n'


def _add(parent: Xml.Element, tag: str, text: str) -> None:
    written = "".join(c for c in text if c in "\t\n" or (c.isprintable() and c <= "\uffff"))
    Xml.SubElement(parent, f"{{{_ATOM}}}{tag}").text = written
