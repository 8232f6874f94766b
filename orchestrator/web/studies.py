"""The API's part that draws conclusions from the history: coverage, flips, bisection."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from orchestrator.model.studies import BisectView, CoverageView, FlipView
from orchestrator.service import asking
from orchestrator.service.bisecting import Wanted
from orchestrator.web.addresses import CellHere
from orchestrator.web.admission import AskerHere, check_repository
from orchestrator.web.bodies import BisectBody
from orchestrator.web.house import Here

routes = APIRouter(prefix="/api")

_Word = Annotated[str, Query(min_length=1, max_length=1000)]


@routes.get("/coverage")
def coverage(request: Request, house: Here, repo: _Word, ref: _Word = "HEAD") -> CoverageView:
    """Grade a product's drivers; of one that the lab does not name, for who may ask."""
    check_repository(request, house, repo)
    return house.studies.coverage.report(repo, ref)


@routes.get("/flip")
def flip(house: Here, axis: _Word, repo: str = "") -> FlipView:
    """Compare the values of a setting on the same commits."""
    return house.studies.flipping.report(axis, repo)


@routes.post("/cells/{run}/{arch}/bisect")
def bisect(house: Here, asker: AskerHere, cell: CellHere, body: BisectBody) -> BisectView:
    """Take the search for the first bad commit on by a step; a repeat finds the same run."""
    asking.check_trust(asker, trust_code=body.trust_code)
    requester = asking.name_of(asker, body.requester)
    return house.studies.bisecting.advance(
        Wanted(cell=cell, good=body.good, requester=requester, trust_code=body.trust_code)
    )
