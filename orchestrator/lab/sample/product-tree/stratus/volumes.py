"""Block storage v3: volumes, which compute attaches to servers."""

from stratus.config import Config
from stratus.db import Database
from stratus.ids import PROJECT, new_id, now
from stratus.lefthand import LeftHand
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = f"/volume/v3/{PROJECT}"


class Volumes:
    """The volumes of the one project."""

    def __init__(self, config: Config, db: Database) -> None:
        """Keep names and sizes in the database, and the bytes on the array, if there is one."""
        self._config = config
        self._array = LeftHand(config.array, config.folder)
        self._db = db

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/volume", self._versions, public=True),
            route("GET", "/volume/v3", self._versions, public=True),
            route("POST", _BASE + "/volumes", self._create),
            route("GET", _BASE + "/volumes", self._list),
            route("GET", _BASE + "/volumes/detail", self._list),
            route("GET", _BASE + "/volumes/{id}", self._get),
            route("DELETE", _BASE + "/volumes/{id}", self._delete),
        ]

    def _versions(self, _: Request) -> Reply:
        links = [{"rel": "self", "href": f"{self._config.control}/volume/v3/"}]
        version = {"id": "v3.0", "status": "CURRENT", "version": "3.0", "min_version": "3.0"}
        return Reply(json={"versions": [{**version, "links": links}]})

    def _create(self, request: Request) -> Reply:
        asked = request.json("volume")
        size = asked.get("size")
        if not isinstance(size, int) or size < 1:
            raise Refused(400, f"a volume's size is a whole number of GiB, not {size!r}")
        volume = new_id()
        name = asked.get("name") or ""
        self._array.create(volume, size)
        self._db.insert(
            "volumes", id=volume, name=name, size=size, status="available", created=now()
        )
        return Reply(status=202, json={"volume": self._shown(self._row(volume))})

    def _list(self, request: Request) -> Reply:
        name = request.query.get("name")
        rows = self._db.rows("SELECT * FROM volumes WHERE ? IS NULL OR name = ?", name, name)
        return Reply(json={"volumes": [self._shown(row) for row in rows]})

    def _get(self, request: Request) -> Reply:
        return Reply(json={"volume": self._shown(self._row(request.parts["id"]))})

    def _delete(self, request: Request) -> Reply:
        volume = self._row(request.parts["id"])
        if volume["status"] != "available":
            raise Refused(400, f"volume {volume['id']} is {volume['status']}, not available")
        self._array.delete(volume["id"])
        self._db.rows("DELETE FROM volumes WHERE id = ?", volume["id"])
        return Reply(status=202)

    def _row(self, volume: str) -> Json:
        return self._db.need(f"volume {volume}", "SELECT * FROM volumes WHERE id = ?", volume)

    def _shown(self, row: Json) -> Json:
        attachments = self._db.rows("SELECT * FROM attachments WHERE volume = ?", row["id"])
        return {
            "id": row["id"],
            "name": row["name"],
            "size": row["size"],
            "status": row["status"],
            "created_at": row["created"],
            "bootable": "false",
            "encrypted": False,
            "multiattach": False,
            "volume_type": "plain",
            "metadata": {},
            "attachments": [
                {
                    "id": item["volume"],
                    "attachment_id": item["id"],
                    "server_id": item["server"],
                    "device": item["device"],
                    "volume_id": item["volume"],
                }
                for item in attachments
            ],
        }
