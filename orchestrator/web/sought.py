"""What lists are filtered by, as it stands in an address."""

from typing import Annotated

from fastapi import Depends, Query

from orchestrator.model.request import Lane
from orchestrator.model.verdict import Verdict
from orchestrator.ports.board import Sought, SoughtCells

#: what no name of ours holds; the store would refuse some of it
_Word = Annotated[str, Query(max_length=1000, pattern=r"^[^\x00-\x1f]*$")]
Limit = Annotated[int, Query(ge=1, le=500, description="at most so many")]


async def _runs(
    repo: _Word = "",
    ref: _Word = "",
    requester: _Word = "",
    lane: Lane | None = None,
    *,
    unsettled: Annotated[bool, Query(description="only runs that are not over")] = False,
) -> Sought:
    return Sought(repo=repo, ref=ref, requester=requester, lane=lane or "", unsettled=unsettled)


#: the filters of a list of runs: `repo`, `ref`, `requester`, `lane`, `unsettled`
SoughtHere = Annotated[Sought, Depends(_runs)]


async def _cells(runs: SoughtHere, arch: _Word = "", verdict: Verdict | None = None) -> SoughtCells:
    return SoughtCells(runs=runs, arch=arch, verdict=verdict)


#: those of the runs, and `arch` and `verdict`
SoughtCellsHere = Annotated[SoughtCells, Depends(_cells)]
