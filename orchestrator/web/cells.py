"""Cells over the API: lists of them, their attempts, what happened, and what was kept."""

import hashlib
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query

from orchestrator.model.errors import NotFound
from orchestrator.model.event import Event
from orchestrator.model.ids import AttemptId, CellId
from orchestrator.model.listing import CellOfRun
from orchestrator.model.view import AttemptView, CellDetail
from orchestrator.web.addresses import AttemptHere, CellHere
from orchestrator.web.cursors import PlaceHere
from orchestrator.web.house import Here, House
from orchestrator.web.sought import Limit, SoughtCellsHere

routes = APIRouter(prefix="/api")

#: bytes of a kept file that are read at once
_PART = 1 << 20
#: a list of files with checksums reads no more than that of each; what is longer has none
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file that an attempt left behind, as it is handed out: secrets are masked."""

    name: str
    #: None, with the checksum, for a file that is too long to be read for a list
    size: int | None
    sha256: str | None
    url: str


@routes.get("/cells")
def cells(
    house: Here,
    place: PlaceHere,
    sought: SoughtCellsHere,
    limit: Limit = 50,
) -> tuple[CellOfRun, ...]:
    """Return cells by run, the newest first, then by arch.

    A page may hold fewer than `limit`, and others follow: `Link` says so.
    """
    found, further = house.library.catalogue.cells(sought, limit, place.cell("cells"))
    place.lead_on("cells", further)
    return found


@routes.get("/cells/{run}/{arch}/attempts")
def attempts(house: Here, cell: CellHere) -> tuple[AttemptView, ...]:
    """Return the tries at the cell, the newest last, each with all that happened."""
    return house.library.cell(cell).attempts


@routes.get("/cells/{run}/{arch}/attempts/{number}")
def attempt(house: Here, cell: CellHere, attempt: AttemptHere) -> AttemptView:
    """Return one try at the cell."""
    return _one(house.library.cell(cell), attempt)


@routes.get("/cells/{run}/{arch}/attempts/{number}/events")
def events(
    house: Here,
    place: PlaceHere,
    cell: CellHere,
    attempt: AttemptHere,
    limit: Limit = 200,
) -> tuple[Event, ...]:
    """Return what happened to the attempt, the oldest first: its timeline."""
    _known(house, cell, attempt)
    after = place.number("events") or 0
    left = [event for event in house.events.of(attempt) if event.seq > after]
    page = tuple(left[:limit])
    place.lead_on("events", page[-1].seq if len(left) > limit else None)
    return page


@routes.get("/cells/{run}/{arch}/attempts/{number}/files")
def files(
    house: Here,
    cell: CellHere,
    attempt: AttemptHere,
    *,
    checksums: Annotated[bool, Query(description="read each file for its SHA-256")] = True,
) -> tuple[KeptFile, ...]:
    """Return what the attempt left behind: logs, consoles, reports and artifacts."""
    _known(house, cell, attempt)
    names = house.files.names(attempt)
    return tuple(_file(house, attempt, name, read=checksums) for name in names)


def _one(detail: CellDetail, attempt: AttemptId) -> AttemptView:
    found = next((one for one in detail.attempts if one.attempt == attempt), None)
    if found is None:
        raise _none(detail.cell.cell, attempt)
    return found


def _known(house: House, cell: CellId, attempt: AttemptId) -> None:
    """Raise `NotFound` unless the cell has that attempt."""
    if attempt not in house.desk.runs.cell(cell).attempts:
        raise _none(cell, attempt)


def _none(cell: str, attempt: str) -> NotFound:
    return NotFound(f"there is no attempt {attempt}; /api/cells/{cell}/attempts lists them")


def _file(house: House, attempt: AttemptId, name: str, *, read: bool) -> KeptFile:
    url = f"/api/files/{quote(attempt, safe='/+')}/{quote(name)}"
    size, digest = 0, hashlib.sha256()
    while read and size <= _LARGEST:
        part = house.files.read(attempt, name, size, _PART)
        size += len(part)
        digest.update(part)
        if len(part) < _PART:
            return KeptFile(name=name, size=size, sha256=digest.hexdigest(), url=url)
    return KeptFile(name=name, size=None, sha256=None, url=url)
