"""Runs, cells and attempts as they stand in an address."""

from typing import Annotated

from fastapi import Depends, Path

from orchestrator.model.ids import AttemptId, CellId, RunId, attempt_id, cell_id

#: the store counts with 32 bits; what lies outside is not found, as anything that is not there
_Number = Annotated[int, Path(ge=1, lt=2**31)]
_Word = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


async def _run(run: _Number) -> RunId:
    return RunId(run)


#: the run of `{run}`
RunHere = Annotated[RunId, Depends(_run)]


async def _cell(run: RunHere, arch: _Word) -> CellId:
    return cell_id(run, arch)


#: the cell of `{run}/{arch}`
CellHere = Annotated[CellId, Depends(_cell)]


async def _attempt(cell: CellHere, number: _Number) -> AttemptId:
    return attempt_id(cell, number)


#: the attempt of `{run}/{arch}/{number}`
AttemptHere = Annotated[AttemptId, Depends(_attempt)]
