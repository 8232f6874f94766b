"""The queue over the API, as the scheduler sees it: who waits and why, who has what."""

from dataclasses import dataclass

from fastapi import APIRouter

from orchestrator.model.ids import cell_of, run_of
from orchestrator.model.lease import Waiting
from orchestrator.model.listing import LeaseView, QueueItem, WaitingView
from orchestrator.model.view import CellView
from orchestrator.web.cursors import PlaceHere
from orchestrator.web.house import Here
from orchestrator.web.sought import Limit

routes = APIRouter(prefix="/api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand: is it stuck, or only queued?"""

    #: cells that have machines and are not judged
    running: tuple[CellView, ...]
    #: why the others wait, and how many for each reason
    waiting: tuple[WaitingView, ...]


@routes.get("/standing")
def standing(house: Here) -> Standing:
    """Return what runs now, and how many wait for which reason."""
    catalogue = house.library.catalogue
    return Standing(running=catalogue.under_way(), waiting=catalogue.waiting())


@routes.get("/queue")
def queue(house: Here, place: PlaceHere, limit: Limit = 100) -> tuple[QueueItem, ...]:
    """Return who waits for machines, run by run, each with why and until about when."""
    after = place.cell("queue")
    known = house.library.queue.situation(house.library.clock.now()).queue
    found = sorted(known, key=lambda one: (run_of(one.attempt), one.attempt))
    if after:
        last: tuple[int, str] = (run_of(after), after)
        found = [one for one in found if (run_of(one.attempt), one.attempt) > last]
    place.lead_on("queue", found[limit - 1].attempt if len(found) > limit else None)
    return tuple(map(_item, found[:limit]))


@routes.get("/leases")
def leases(house: Here) -> tuple[LeaseView, ...]:
    """Return who has which machine now."""
    return house.library.catalogue.board.leases()


def _item(waiting: Waiting) -> QueueItem:
    return QueueItem(
        attempt=waiting.attempt,
        cell=cell_of(waiting.attempt),
        arch=waiting.arch,
        lane=waiting.lane,
        owner=waiting.owner,
        asked_at=waiting.asked_at,
        priority=waiting.priority,
        machines=len(waiting.needs),
        semaphores=waiting.semaphores,
        why=waiting.why,
    )
