"""The matrix, which is the home page; and its windows for programs."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from orchestrator.model.grid import Board
from orchestrator.model.request import Lane
from orchestrator.model.verdict import Blame, Verdict
from orchestrator.service.windows import TREND
from orchestrator.web.house import Here, House
from orchestrator.web.look_query import LookHere
from orchestrator.web.pulse import Machines, machines, pulse
from orchestrator.web.showing import page, position

routes = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
reads = APIRouter(prefix="/api")

#: names that a product's main branch usually has, the likeliest first
TRUNKS = ("trunk", "main", "master")
#: running cells that are asked when they last said something
_ASKED = 200


@routes.get("/")
def matrix(request: Request, house: Here, query: LookHere) -> HTMLResponse:
    """Show a window of the matrix: archs down, runs or commits across, the newest left."""
    seq = position(request)
    windows = house.windows
    board = windows.board(query.look())
    pending, words = windows.matrix.pending(), windows.matrix.words()
    running = windows.cells(pending.running[:_ASKED])
    return page(
        request,
        house,
        "matrix.html",
        seq,
        board=board,
        query=query,
        chosen=query.filters(),
        words=words,
        trunk=next((name for name in TRUNKS if name in words.refs), ""),
        kinds=sorted({kind for arch in house.library.archs() for kind in arch.hypervisors}),
        lookback=TREND,
        choices={"lanes": list(Lane), "verdicts": list(Verdict), "blames": list(Blame)},
        pulse=pulse(running, pending.reasons, _machines(house), house.library.clock.now()),
    )


def _machines(house: House) -> Machines:
    kinds = {node.provenance for node in house.library.lab.nodes.values()}
    return machines(house.library.nodes_.tally(), kinds)


@reads.get("/matrix/window")
def window(house: Here, query: LookHere) -> Board:
    """Return a window of the matrix, and how many rows and columns there are in all."""
    return house.windows.board(query.look())
