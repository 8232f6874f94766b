"""The JSON API: what is known, and the verbs of the desk; `smoketest` itself uses nothing else.

The values are those of `model.view`. What a route takes is in `web/rights.py`.
"""

import hashlib
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from orchestrator.model.checkup import NodeTest
from orchestrator.model.errors import NotFound
from orchestrator.model.ids import RunId
from orchestrator.model.view import (
    ArchView,
    CellDetail,
    NodeView,
    Owner,
    PatchesView,
    PlanView,
    RunView,
)
from orchestrator.ports.faults import Faults, NodeFault
from orchestrator.service import asking, promotion
from orchestrator.web.addresses import CellHere, RunHere
from orchestrator.web.admission import AskerHere, check_repository
from orchestrator.web.bodies import (
    FaultBody,
    HoldBody,
    ReasonBody,
    RequestBody,
    SurveyBody,
    TestBody,
)
from orchestrator.web.cursors import PlaceHere
from orchestrator.web.hearing import ear
from orchestrator.web.house import Here, House
from orchestrator.web.sought import Limit, SoughtHere
from orchestrator.web.stream import Feed, newest

reads = APIRouter(prefix="/api")
writes = APIRouter(prefix="/api")

#: digits that no position has
_LONG = 19


class EventStream(StreamingResponse):
    """Server-sent events: `id` is the position to resume from, `data` a JSON object."""

    media_type = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """That we are up, and who we are."""

    status: str
    version: str
    orchestrator: str
    lab: str
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultBoard:
    """Which faults the lab knows, and which are set."""

    kinds: tuple[str, ...]
    faults: tuple[NodeFault, ...]


@reads.get("/health")
def health(house: Here) -> Health:
    """Return that we are up, and who we are."""
    return Health(
        status="ok",
        version=house.identity.version,
        orchestrator=house.identity.orchestrator,
        lab=house.identity.lab,
        nodes=len(house.library.lab.nodes),
    )


@reads.get("/runs")
def recent(
    house: Here,
    place: PlaceHere,
    sought: SoughtHere,
    limit: Limit = 20,
) -> tuple[RunView, ...]:
    """Return the newest runs first, each with its cells; older ones are where `Link` leads."""
    found = house.library.catalogue.runs(sought, limit, place.run())
    place.lead_on("runs", found[-1].run if len(found) == limit else None)
    return found


@writes.post("/runs", status_code=HTTPStatus.CREATED)
def ask(
    house: Here,
    asker: AskerHere,
    body: RequestBody,
    idempotency_key: Annotated[str, Header(max_length=255)] = "",
) -> RunView:
    """Ask for a run; a repeat with the same `key` (or `Idempotency-Key`) finds the first."""
    request = body.request()
    if idempotency_key and not request.key:
        # so that one run comes of it though we are killed before the answer is kept
        own = hashlib.sha256(f"{asker.name}\0{idempotency_key}".encode()).hexdigest()
        request = replace(request, key=f"idempotency:{own}")
    run = house.desk.ask(asking.allowed(asker, request))
    return house.library.run(run.id)


@writes.post("/plan")
def plan(house: Here, asker: AskerHere, body: RequestBody) -> PlanView:
    """Return what the same request to `/api/runs` would do; nothing is stored."""
    request = asking.allowed(asker, body.request())
    draft = house.desk.plan(request)
    return house.library.plan(request, draft.plan, draft.rulings)


@writes.post("/patches")
def patches(house: Here, body: SurveyBody) -> PatchesView:
    """Return how operators' patches stand on the newest commits of a ref; nothing is stored."""
    series = [one.series() for one in body.series]
    return house.carried.report(body.repo, body.ref, body.last, series)


@reads.get("/runs/{run}")
def show_run(house: Here, run: RunHere) -> RunView:
    """Return a run with its cells in full."""
    return house.library.run(run)


@writes.post("/runs/{run}/cancel")
def cancel_run(house: Here, run: RunHere) -> RunView:
    """Stop every cell of the run that is not done."""
    house.desk.cancel_run(run)
    return house.library.run(run)


@reads.get("/cells/{run}/{arch}")
def show_cell(house: Here, cell: CellHere) -> CellDetail:
    """Return a cell with its attempts and all that happened."""
    return house.library.cell(cell)


@writes.post("/cells/{run}/{arch}/cancel")
def cancel_cell(house: Here, cell: CellHere) -> CellDetail:
    """Stop the cell."""
    house.desk.cancel_cell(cell)
    return house.library.cell(cell)


@writes.post("/runs/{run}/promote")
def promote_run(house: Here, run: RunHere, body: ReasonBody) -> RunView:
    """Put what waits of the run before everybody; the reason is owed to those who are passed."""
    promotion.promote_run(house.desk, run, body.reason)
    return house.library.run(run)


@writes.post("/cells/{run}/{arch}/promote")
def promote(house: Here, cell: CellHere, body: ReasonBody) -> CellDetail:
    """Put the cell before everybody; the reason is owed to those who are passed."""
    promotion.promote(house.desk, [cell], body.reason)
    return house.library.cell(cell)


@writes.post("/cells/{run}/{arch}/recheck")
def recheck(house: Here, cell: CellHere, body: ReasonBody) -> CellDetail:
    """Try a settled cell again; the reason is owed to those who wait."""
    house.desk.recheck(cell, body.reason)
    return house.library.cell(cell)


@writes.post("/cells/{run}/{arch}/hold")
def hold(house: Here, cell: CellHere, body: HoldBody) -> CellDetail:
    """Keep the machines of the cell's newest attempt for a person."""
    house.desk.hold(cell, body.hours)
    return house.library.cell(cell)


@writes.post("/cells/{run}/{arch}/release")
def release(house: Here, cell: CellHere) -> CellDetail:
    """End the hold on the cell's machines."""
    house.desk.release(cell)
    return house.library.cell(cell)


@reads.get("/archs")
def archs(house: Here) -> tuple[ArchView, ...]:
    """Return every arch with who answers for it."""
    return house.library.archs()


@reads.get("/nodes")
def nodes(house: Here) -> tuple[NodeView, ...]:
    """Return every machine with its standing."""
    return house.library.nodes()


@writes.post("/nodes/{name}/drain")
def drain(house: Here, name: str, body: ReasonBody) -> tuple[NodeView, ...]:
    """Take a machine out of service when its present lease ends."""
    house.inventory.drain(name, body.reason)
    return house.library.nodes()


@writes.post("/nodes/{name}/restore")
def restore(house: Here, name: str) -> tuple[NodeView, ...]:
    """Bring a machine back into service."""
    house.inventory.restore(name)
    return house.library.nodes()


@writes.post("/nodes/{name}/test")
def test(house: Here, name: str, body: TestBody) -> NodeTest:
    """Put the BMC of a machine that nobody has to the test; minutes may pass."""
    return house.checkup.test(name, cycle=body.cycle)


@reads.get("/who")
def who(house: Here, subject: str) -> Owner:
    """Return who answers for an arch, a hypervisor or a path of the product."""
    return house.library.who(subject)


@reads.get("/branches")
def branches(request: Request, house: Here, repo: str) -> tuple[str, ...]:
    """Return a repository's branches; of one that the lab does not name, for who may ask."""
    check_repository(request, house, repo)
    return house.desk.branches(repo)


@reads.get("/events", response_class=EventStream)
def events(
    request: Request,
    house: Here,
    since: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Stream what happened after position `since` (default: from now on), and whatever happens."""
    return _stream(request, house, since, last_event_id)


@reads.get("/runs/{run}/events", response_class=EventStream)
def events_of_run(
    request: Request,
    house: Here,
    run: RunHere,
    since: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    last_event_id: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """Stream what happened in one run after position `since` (default: all of it), and goes on."""
    house.desk.runs.run(run)
    return _stream(request, house, since, last_event_id, run)


def _stream(
    request: Request, house: House, since: int | None, last_event_id: str, run: RunId | None = None
) -> StreamingResponse:
    """Return the events after where the asker was, which its browser remembers best."""
    feed: Feed = request.app.state.feed
    seq = feed.position if since is None else since
    # by its length first: Python refuses to read numbers of thousands of digits
    if len(last_event_id) < _LONG and last_event_id.isdecimal():
        seq = int(last_event_id)
    # Who comes from another store's future (a home that was wiped) would wait for ever.
    if seq > feed.position:
        seq = min(seq, newest(house.events))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(feed.listen(seq, run, ear(request, house)), headers=headers)


@reads.get("/lab/faults")
def fault_board(house: Here) -> FaultBoard:
    """Return which faults machines can be given, and which they have."""
    return _board(_faults(house))


@writes.post("/lab/faults")
def set_fault(house: Here, body: FaultBody) -> FaultBoard:
    """Make a machine misbehave."""
    faults = _faults(house)
    faults.set(NodeFault(node=body.node, kind=body.kind, chance=body.chance, until=body.until))
    return _board(faults)


@writes.delete("/lab/faults/{node}")
def clear_fault(house: Here, node: str) -> FaultBoard:
    """Make a machine behave again."""
    faults = _faults(house)
    faults.clear(node)
    return _board(faults)


def _board(faults: Faults) -> FaultBoard:
    return FaultBoard(kinds=faults.kinds(), faults=faults.all())


def _faults(house: House) -> Faults:
    if house.faults is None:
        msg = "this lab's machines are real: faults can be set in the lab in a box only"
        raise NotFound(msg)
    return house.faults
