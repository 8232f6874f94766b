"""The API's part about repositories that start runs by themselves."""

from fastapi import APIRouter

from orchestrator.model.view import WatchView
from orchestrator.web.house import Here

routes = APIRouter()


@routes.get("/api/watches")
def watches(house: Here) -> tuple[WatchView, ...]:
    """Return every watch with how far it got, and what is wrong with it."""
    return house.watcher.views()
