"""Feeds of runs and of cells, by whatever the lists of the API are filtered by."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from orchestrator.model.listing import CellOfRun
from orchestrator.model.view import RunView
from orchestrator.web import atom
from orchestrator.web.house import Here, House
from orchestrator.web.looks import outcome
from orchestrator.web.sought import Limit, SoughtCellsHere, SoughtHere

routes = APIRouter(prefix="/feeds")


class Atom(Response):
    """A feed."""

    media_type = "application/atom+xml"


@routes.get("/runs.atom", response_class=Atom)
def runs(house: Here, request: Request, sought: SoughtHere, limit: Limit = 50) -> Atom:
    """Return the newest runs as a feed; an entry changes when its run comes to something else."""
    found = house.library.catalogue.runs(sought, limit)
    return _feed(house, request, "runs", [_run(house, run) for run in found])


@routes.get("/cells.atom", response_class=Atom)
def cells(house: Here, request: Request, sought: SoughtCellsHere, limit: Limit = 50) -> Atom:
    """Return the newest cells as a feed, e.g. what failed on one arch of one branch."""
    found, _ = house.library.catalogue.cells(sought, limit)
    return _feed(house, request, "cells", [_cell(house, one) for one in found])


def _feed(house: House, request: Request, what: str, entries: list[atom.Entry]) -> Atom:
    query = f"?{request.url.query}" if request.url.query else ""
    url = f"{house.library.url}/feeds/{what}.atom{query}"
    name = f"urn:smoketest:{house.identity.orchestrator}:{what}{query}"
    title = f"smoketest: {what} on {house.identity.lab}"
    return Atom(atom.feed(name, title, url, entries))


def _run(house: House, run: RunView) -> atom.Entry:
    times = [cell.updated for cell in run.cells if cell.updated]
    return atom.Entry(
        id=f"urn:smoketest:{house.identity.orchestrator}:run:{run.run}",
        title=f"run {run.run}, {run.repo}@{run.ref}: {outcome(run).word}",
        at=max(times, default=run.asked_at),
        author=run.requester,
        url=run.url,
        summary=f"{run.commit} {run.subject}\n{run.reason}".strip(),
    )


def _cell(house: House, one: CellOfRun) -> atom.Entry:
    cell = one.cell
    return atom.Entry(
        id=f"urn:smoketest:{house.identity.orchestrator}:cell:{cell.cell}",
        title=f"{cell.arch} {cell.verdict or cell.state} on {one.repo}@{one.ref}",
        at=cell.updated or one.asked_at,
        author=one.requester,
        url=f"{house.library.url}/cells/{one.run}/{quote(cell.arch, safe='+')}",
        summary=f"{one.commit} {one.subject}\n{cell.cause or cell.why}".strip(),
    )
