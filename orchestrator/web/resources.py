"""The API's nouns, as one list of routers for the application."""

from typing import Final

from orchestrator.web import badges, cells, feeds, machines, metrics, waiting

ROUTERS: Final = (
    cells.routes,
    machines.routes,
    waiting.routes,
    badges.routes,
    feeds.routes,
    metrics.routes,
)
