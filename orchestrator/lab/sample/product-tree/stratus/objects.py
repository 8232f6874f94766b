"""Object store v1: containers of small objects, kept in the database."""

import hashlib
import json

from stratus.db import Database
from stratus.ids import PROJECT
from stratus.web import Json, Refused, Reply, Request, Route, route

_ACCOUNT = f"/object-store/v1/AUTH_{PROJECT}"


class Objects:
    """The containers of the one project."""

    def __init__(self, db: Database) -> None:
        """Keep everything in the database."""
        self._db = db

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", _ACCOUNT, self._containers),
            route("PUT", _ACCOUNT + "/{container}", self._create),
            route("GET", _ACCOUNT + "/{container}", self._list),
            route("DELETE", _ACCOUNT + "/{container}", self._drop),
            route("PUT", _ACCOUNT + "/{container}/{name*}", self._put),
            route("GET", _ACCOUNT + "/{container}/{name*}", self._get),
            route("DELETE", _ACCOUNT + "/{container}/{name*}", self._delete),
        ]

    def _containers(self, _: Request) -> Reply:
        names = [row["name"] for row in self._db.rows("SELECT name FROM containers ORDER BY name")]
        headers = {"X-Account-Container-Count": str(len(names))}
        listed = "".join(f"{name}\n" for name in names).encode()
        return Reply(body=listed, headers={**headers, "Content-Type": "text/plain"})

    def _create(self, request: Request) -> Reply:
        container = request.parts["container"]
        self._db.rows("INSERT OR IGNORE INTO containers VALUES (?)", container)
        return Reply(status=201)

    def _list(self, request: Request) -> Reply:
        objects = self._objects(request)
        headers = {
            "X-Container-Object-Count": str(len(objects)),
            "X-Container-Bytes-Used": str(sum(item["bytes"] for item in objects)),
        }
        if request.query.get("format") != "json":
            listed = "".join(f"{item['name']}\n" for item in objects).encode()
            return Reply(body=listed, headers={**headers, "Content-Type": "text/plain"})
        return Reply(body=json.dumps(objects).encode(), headers=headers)

    def _drop(self, request: Request) -> Reply:
        if self._objects(request):
            raise Refused(409, f"container {request.parts['container']} is not empty")
        self._db.rows("DELETE FROM containers WHERE name = ?", request.parts["container"])
        return Reply(status=204)

    def _put(self, request: Request) -> Reply:
        self._container(request)
        etag = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        told = request.headers.get("etag", etag)
        if told != etag:
            raise Refused(422, f"the data has checksum {etag}, not {told} as said")
        self._db.rows(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
            request.parts["container"],
            request.parts["name"],
            request.headers.get("content-type", "application/octet-stream"),
            etag,
            request.body,
        )
        return Reply(status=201, headers={"ETag": etag})

    def _get(self, request: Request) -> Reply:
        row = self._row(request)
        headers = {"Content-Type": row["type"], "ETag": row["etag"]}
        return Reply(body=row["data"], headers=headers)

    def _delete(self, request: Request) -> Reply:
        row = self._row(request)
        sql = "DELETE FROM objects WHERE container = ? AND name = ?"
        self._db.rows(sql, row["container"], row["name"])
        return Reply(status=204)

    def _container(self, request: Request) -> str:
        name = request.parts["container"]
        self._db.need(f"container {name}", "SELECT * FROM containers WHERE name = ?", name)
        return name

    def _objects(self, request: Request) -> list[Json]:
        sql = "SELECT name, type, etag AS hash, length(data) AS bytes FROM objects"
        container = self._container(request)
        return self._db.rows(f"{sql} WHERE container = ? ORDER BY name", container)

    def _row(self, request: Request) -> Json:
        container, name = self._container(request), request.parts["name"]
        sql = "SELECT * FROM objects WHERE container = ? AND name = ?"
        return self._db.need(f"object {container}/{name}", sql, container, name)
