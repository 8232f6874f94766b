"""The API's nouns, as one list of routers for the application."""

from typing import Final

from orchestrator.web import cells, machines, waiting

ROUTERS: Final = (cells.routes, machines.routes, waiting.routes)
