"""The machines: all of them, and each with its leases, its console and why it is out of service."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from orchestrator.model.checkup import NodeTest
from orchestrator.model.errors import NotFound, SmoketestError
from orchestrator.model.ids import AttemptId
from orchestrator.model.view import NodeView
from orchestrator.stages.verdict import QUARANTINE_AFTER
from orchestrator.web.ansi import address
from orchestrator.web.forms import Fields
from orchestrator.web.house import Here, House
from orchestrator.web.showing import page, position
from orchestrator.web.usage import SPANS, usage

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
acts = APIRouter(include_in_schema=False)

#: leases that a machine's page looks back on, and that it lists
HISTORY, LISTED = 1000, 40
#: leases that the page of all machines draws
DRAWN = 5000

Span = Annotated[str, Query(alias="span", max_length=10)]


@routes.get("/nodes")
def nodes_page(request: Request, house: Here, span: Span = "day") -> HTMLResponse:
    """Show the machines, and how each was used."""
    seq = position(request)
    now, nodes = house.library.clock.now(), house.library.nodes()
    had = house.pasts.used_since(now - SPANS.get(span, SPANS["day"]), DRAWN)
    used = {node.name: usage(had.get(node.name, ()), now, span) for node in nodes}
    return page(
        request,
        house,
        "nodes.html",
        seq,
        nodes=nodes,
        used=used,
        span=span if span in SPANS else "day",
        spans=tuple(SPANS),
        quarantine_after=QUARANTINE_AFTER,
    )


@routes.get("/nodes/{name}")
def node_page(request: Request, house: Here, name: str, span: Span = "week") -> HTMLResponse:
    """Show a machine."""
    return _node_page(request, house, name, span, None)


@acts.post("/nodes/{name}/drain")
def drain(house: Here, name: str, fields: Fields) -> RedirectResponse:
    """Take the machine out of service when its present lease ends."""
    house.inventory.drain(_node(house, name).name, fields.get("reason", ""))
    return _back(name)


@acts.post("/nodes/{name}/restore")
def restore(house: Here, name: str) -> RedirectResponse:
    """Bring the machine back into service."""
    house.inventory.restore(_node(house, name).name)
    return _back(name)


@acts.post("/nodes/{name}/test")
def test(request: Request, house: Here, name: str, fields: Fields) -> HTMLResponse:
    """Put the machine's BMC to the test, and show what came of it."""
    try:
        tested: NodeTest | str = house.checkup.test(name, cycle=fields.get("cycle") == "on")
    except NotFound:
        raise
    except SmoketestError as error:
        tested = str(error)
    return _node_page(request, house, name, "week", tested)


def _node_page(
    request: Request, house: House, name: str, span: str, tested: NodeTest | str | None
) -> HTMLResponse:
    seq = position(request)
    node = _node(house, name)
    now, tenures = house.library.clock.now(), house.pasts.tenures(name, HISTORY)
    machine = house.library.lab.nodes[name]
    return page(
        request,
        house,
        "node.html",
        seq,
        node=node,
        machine=machine,
        used=usage(tenures, now, span),
        spans=tuple(SPANS),
        tenures=tenures[:LISTED],
        consoles=_consoles(house, name, [t.attempt for t in tenures[:LISTED]]),
        tested=tested,
        quarantine_after=QUARANTINE_AFTER,
    )


def _consoles(house: House, name: str, attempts: list[AttemptId]) -> dict[str, str]:
    """Return, by attempt, where the machine's console of it is shown."""
    log = f"console-{name}.log"
    return {
        attempt: address("logs", attempt, log)
        for attempt in attempts
        if log in house.files.names(attempt)
    }


def _node(house: House, name: str) -> NodeView:
    found = next((node for node in house.library.nodes() if node.name == name), None)
    if found is None:
        known = ", ".join(house.library.lab.nodes) or "none"
        raise NotFound(f"this lab has no machine {name}; it has {known}")
    return found


def _back(name: str) -> RedirectResponse:
    return RedirectResponse(address("nodes", name), HTTPStatus.SEE_OTHER)
