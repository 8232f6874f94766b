"""Who listens to the stream of events: it ends with their session, and tells what they may see."""

import time
from collections.abc import Sequence

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool

from orchestrator.model.ids import CellId
from orchestrator.web.admission import arrive, sees_all, sees_cell
from orchestrator.web.house import House
from orchestrator.web.stream import ANYBODY, Ear, Frame
from orchestrator.web.visits import visit_of

#: seconds after which it is looked at again who listens
LOOK_SECONDS = 5.0


class Listener:
    """Somebody in particular, or nobody where that is enough to see everything."""

    pause = LOOK_SECONDS

    def __init__(self, request: Request, house: House) -> None:
        """Take the request that asked for the stream."""
        self._request, self._house = request, house
        self._asker = visit_of(request).asker
        self._looked = time.monotonic()
        self._seen: dict[CellId, bool] = {}

    async def still(self) -> bool:
        """Return whether they are who they were, with the same rights."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return True
        try:
            found = await arrive(self._request, self._house)
        except HTTPException:  # what they showed opens nothing any more
            return False
        self._looked = time.monotonic()
        return found.asker == self._asker

    async def heard(self, frames: Sequence[Frame]) -> Sequence[Frame]:
        """Return what is of cells that they may see."""
        if not frames or sees_all(self._house, self._asker):
            return frames
        unknown = {frame.cell for frame in frames} - set(self._seen)
        for cell in unknown:
            self._seen[cell] = await run_in_threadpool(sees_cell, self._house, self._asker, cell)
        return [frame for frame in frames if self._seen[frame.cell]]


def ear(request: Request, house: House) -> Ear:
    """Return how whoever makes the request hears the stream."""
    asker = visit_of(request).asker
    return ANYBODY if asker is None and sees_all(house, asker) else Listener(request, house)
