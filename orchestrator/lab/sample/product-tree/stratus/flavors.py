"""Compute v2.1: flavors, and the version that the API has."""

from stratus.config import Config
from stratus.db import Database
from stratus.web import Json, Reply, Request, Route, route


class Flavors:
    """The flavors that the database was made with."""

    def __init__(self, config: Config, db: Database) -> None:
        """Keep everything in the database."""
        self._config = config
        self._db = db

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/compute", self._versions, public=True),
            route("GET", "/compute/v2.1", self._version, public=True),
            route("GET", "/compute/v2.1/flavors", self._list),
            route("GET", "/compute/v2.1/flavors/detail", self._list),
            route("GET", "/compute/v2.1/flavors/{id}", self._get),
        ]

    def _document(self) -> Json:
        links = [{"rel": "self", "href": f"{self._config.control}/compute/v2.1/"}]
        version = {"id": "v2.1", "status": "CURRENT", "version": "2.1", "min_version": "2.1"}
        return {**version, "links": links}

    def _versions(self, _: Request) -> Reply:
        return Reply(json={"versions": [self._document()]})

    def _version(self, _: Request) -> Reply:
        return Reply(json={"version": self._document()})

    def _list(self, _: Request) -> Reply:
        rows = self._db.rows("SELECT * FROM flavors ORDER BY id")
        return Reply(json={"flavors": [_shown(row) for row in rows]})

    def _get(self, request: Request) -> Reply:
        flavor = request.parts["id"]
        row = self._db.need(f"flavor {flavor}", "SELECT * FROM flavors WHERE id = ?", flavor)
        return Reply(json={"flavor": _shown(row)})


def _shown(row: Json) -> Json:
    return {
        **row,
        "swap": "",
        "rxtx_factor": 1.0,
        "links": [],
        "os-flavor-access:is_public": True,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "OS-FLV-DISABLED:disabled": False,
    }
