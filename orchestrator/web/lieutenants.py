"""Lieutenants over HTTP: what changed since they looked, and what they say of reds."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from orchestrator.model.access import Asker
from orchestrator.model.lieutenant import Lieutenant, LieutenantView
from orchestrator.model.waiver import Sort, Waiver
from orchestrator.service import asking
from orchestrator.service.lieutenancy import Plea
from orchestrator.web.addresses import CellHere
from orchestrator.web.admission import AskerHere
from orchestrator.web.bodies import Body, Sentence
from orchestrator.web.house import Here

reads = APIRouter(prefix="/api")
writes = APIRouter(prefix="/api")

Since = Annotated[AwareDatetime | None, Query()]


class AckBody(Body):
    """What is said of a red that somebody looks after."""

    reason: Sentence
    by: Annotated[str, Field(max_length=200)] = ""
    until: AwareDatetime | None = None


class WaiveBody(AckBody):
    """What is said of a red that stops nobody for a while."""

    until: AwareDatetime


class LookBody(Body):
    """Until when everything was seen; without a time: now."""

    at: AwareDatetime | None = None


@reads.get("/lieutenants")
def lieutenants(house: Here) -> tuple[Lieutenant, ...]:
    """Return who answers for which archs, by name."""
    return house.lieutenancy.all()


@reads.get("/lieutenants/{name}")
def changes(house: Here, name: str, since: Since = None) -> LieutenantView:
    """Return what changed for a lieutenant after `since` (default: their last look)."""
    return house.lieutenancy.view(name, since)


@writes.post("/lieutenants/{name}/look")
def look(house: Here, name: str, body: LookBody) -> LieutenantView:
    """Remember that the lieutenant has seen all that changed until then."""
    at: datetime = body.at or house.library.clock.now()
    house.lieutenancy.look(name, at)
    return house.lieutenancy.view(name)


@reads.get("/cells/{run}/{arch}/waivers")
def waivers(house: Here, cell: CellHere) -> tuple[Waiver, ...]:
    """Return what is said of a cell now, also what was said of an earlier one like it."""
    return house.lieutenancy.of_cell(cell)


@writes.post("/cells/{run}/{arch}/ack")
def acknowledge(house: Here, asker: AskerHere, cell: CellHere, body: AckBody) -> Waiver:
    """Say that somebody looks after a red cell."""
    return house.lieutenancy.say(_plea(asker, cell, Sort.ACK, body))


@writes.post("/cells/{run}/{arch}/waive")
def waive(house: Here, asker: AskerHere, cell: CellHere, body: WaiveBody) -> Waiver:
    """Say that a red cell is known, and stops nobody until then."""
    return house.lieutenancy.say(_plea(asker, cell, Sort.WAIVE, body))


@writes.post("/cells/{run}/{arch}/waivers/{waiver}/withdraw")
def withdraw(
    house: Here, cell: CellHere, waiver: Annotated[int, Field(ge=1, lt=2**31)]
) -> tuple[Waiver, ...]:
    """Take back what was said of the cell; return what is still said."""
    house.lieutenancy.withdraw(cell, waiver)
    return house.lieutenancy.of_cell(cell)


def _plea(asker: Asker, cell: CellHere, sort: Sort, body: AckBody) -> Plea:
    by = asking.name_of(asker, body.by or asker.name)
    return Plea(cell=cell, sort=sort, reason=body.reason, by=by, until=body.until)
