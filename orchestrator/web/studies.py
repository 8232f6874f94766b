"""The API's part that draws conclusions from the history: coverage, flips, bisection."""

from typing import Annotated

from fastapi import APIRouter, Header, Query

from orchestrator.model.studies import BisectView, CoverageView, FlipView
from orchestrator.service.bisecting import Wanted
from orchestrator.web.addresses import CellHere
from orchestrator.web.auth import Writer, check_token
from orchestrator.web.bodies import BisectBody
from orchestrator.web.house import Here

routes = APIRouter(prefix="/api")

_Word = Annotated[str, Query(min_length=1, max_length=1000)]


@routes.get("/coverage")
def coverage(
    house: Here, repo: _Word, ref: _Word = "HEAD", authorization: Annotated[str, Header()] = ""
) -> CoverageView:
    """Grade a product's drivers; the token is needed unless the lab names the repository."""
    # Any page in a local browser may ask us; it must not choose what address git reaches for.
    if repo not in house.library.lab.trusted:
        check_token(house, authorization)
    return house.studies.coverage.report(repo, ref)


@routes.get("/flip")
def flip(house: Here, axis: _Word, repo: str = "") -> FlipView:
    """Compare the values of a setting on the same commits."""
    return house.studies.flipping.report(axis, repo)


@routes.post("/cells/{run}/{arch}/bisect", dependencies=[Writer])
def bisect(house: Here, cell: CellHere, body: BisectBody) -> BisectView:
    """Take the search for the first bad commit on by a step; a repeat finds the same run."""
    return house.studies.bisecting.advance(
        Wanted(cell=cell, good=body.good, requester=body.requester, trust_code=body.trust_code)
    )
