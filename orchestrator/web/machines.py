"""Machines and archs over the API, one at a time, with who had them."""

from typing import Annotated

from fastapi import APIRouter, Path

from orchestrator.model.errors import NotFound
from orchestrator.model.listing import LeaseView
from orchestrator.model.view import ArchView, NodeView
from orchestrator.web.cursors import PlaceHere
from orchestrator.web.house import Here
from orchestrator.web.sought import Limit

routes = APIRouter(prefix="/api")

Name = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


@routes.get("/nodes/{name}")
def node(house: Here, name: Name) -> NodeView:
    """Return one machine with its standing."""
    found = next((one for one in house.library.nodes() if one.name == name), None)
    if found is None:
        raise NotFound(f"there is no node {name}; /api/nodes lists them")
    return found


@routes.get("/nodes/{name}/leases")
def leases(
    house: Here,
    place: PlaceHere,
    name: Name,
    limit: Limit = 50,
) -> tuple[LeaseView, ...]:
    """Return who has and had the machine, the newest first."""
    if name not in house.library.lab.nodes:
        raise NotFound(f"there is no node {name}; /api/nodes lists them")
    board = house.library.catalogue.board
    found = board.leases_of(name, limit, place.number("leases"))
    place.lead_on("leases", found[-1].token if len(found) == limit else None)
    return found


@routes.get("/archs/{arch}")
def arch(house: Here, arch: Name) -> ArchView:
    """Return one arch with who answers for it."""
    found = next((one for one in house.library.archs() if one.name == arch), None)
    if found is None:
        raise NotFound(f"there is no arch {arch}; /api/archs lists them")
    return found
