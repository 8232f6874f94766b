"""What is told to others: feeds of changes, runs in other programs' forms, and the outbox."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from orchestrator.model.export import Format, ctrf, junit
from orchestrator.model.ids import CellId
from orchestrator.model.notice import Change, Message, Subscription
from orchestrator.model.verdict import Verdict
from orchestrator.web import atom
from orchestrator.web.addresses import RunHere
from orchestrator.web.cursors import PlaceHere
from orchestrator.web.house import Here, House

routes = APIRouter()

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


@routes.get("/api/notices")
def notices(
    house: Here, place: PlaceHere, subscription: str = "", limit: Limit = 50
) -> tuple[Message, ...]:
    """Return the newest messages first; they hold addresses of people."""
    found = house.mailroom.messages(subscription, limit, place.text("notices") or "")
    place.lead_on("notices", found[-1].id if len(found) == limit else None)
    return found


@routes.post("/api/notices/{message}/replay", status_code=HTTPStatus.OK)
def replay(house: Here, message: str) -> Message:
    """Send a message once more, under the same id."""
    return house.mailroom.replay(message)


def _atom(house: House, changes: tuple[Change, ...]) -> str:
    url, own = house.library.url, f"urn:smoketest:{house.identity.orchestrator}"
    title = f"smoketest: what changed on {house.identity.lab}"
    entries = [_entry(change, url, own) for change in changes]
    return atom.feed(f"{own}:changes", title, f"{url}/feeds/changes.atom", entries)


def _entry(change: Change, url: str, own: str) -> atom.Entry:
    says = _SAYS.get(change.verdict or Verdict.BROKEN, "could not be judged")
    cause = change.ruling.cause if change.ruling else ""
    return atom.Entry(
        id=f"{own}:{change.attempt}",
        title=f"{change.arch} {says} on {change.repo}@{change.ref}",
        at=change.at,
        author=change.requester,
        url=f"{url}/cells/{change.run}/{quote(change.arch, safe='+')}",
        summary=f"{change.commit} {change.subject}\n{cause}".strip(),
    )
