"""Image v2: small images, kept as files."""

import hashlib
from pathlib import Path

from stratus.config import Config
from stratus.db import Database
from stratus.ids import PROJECT, new_id, now
from stratus.web import Json, Refused, Reply, Request, Route, route


class Images:
    """The images of the one project."""

    def __init__(self, config: Config, db: Database) -> None:
        """Keep the data below the config's folder."""
        self._config = config
        self._db = db
        self._folder = config.folder / "images"
        self._folder.mkdir(parents=True, exist_ok=True)

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/image", self._versions, public=True),
            route("POST", "/image/v2/images", self._create),
            route("GET", "/image/v2/images", self._list),
            route("GET", "/image/v2/images/{id}", self._get),
            route("DELETE", "/image/v2/images/{id}", self._delete),
            route("PUT", "/image/v2/images/{id}/file", self._upload),
            route("GET", "/image/v2/images/{id}/file", self._download),
        ]

    def _versions(self, _: Request) -> Reply:
        links = [{"rel": "self", "href": f"{self._config.control}/image/v2/"}]
        versions = [{"id": "v2.9", "status": "CURRENT", "links": links}]
        return Reply(status=300, json={"versions": versions})

    def _create(self, request: Request) -> Reply:
        asked = request.json()
        image = new_id()
        self._db.insert(
            "images",
            id=image,
            name=asked.get("name", ""),
            status="queued",
            disk_format=asked.get("disk_format"),
            container_format=asked.get("container_format"),
            created=now(),
        )
        return Reply(status=201, json=self._shown(self.row(image)))

    def _list(self, request: Request) -> Reply:
        name = request.query.get("name")
        rows = self._db.rows("SELECT * FROM images WHERE ? IS NULL OR name = ?", name, name)
        return Reply(json={"images": [self._shown(row) for row in rows]})

    def _get(self, request: Request) -> Reply:
        return Reply(json=self._shown(self.row(request.parts["id"])))

    def _delete(self, request: Request) -> Reply:
        image = self.row(request.parts["id"])["id"]
        self._db.rows("DELETE FROM images WHERE id = ?", image)
        self._file(image).unlink(missing_ok=True)
        return Reply(status=204)

    def _upload(self, request: Request) -> Reply:
        image = self.row(request.parts["id"])["id"]
        self._file(image).write_bytes(request.body)
        checksum = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
        self._db.rows(
            "UPDATE images SET status = 'active', size = ?, checksum = ?, sha512 = ? WHERE id = ?",
            len(request.body),
            checksum,
            hashlib.sha512(request.body).hexdigest(),
            image,
        )
        return Reply(status=204)

    def _download(self, request: Request) -> Reply:
        image = self.row(request.parts["id"])
        if image["status"] != "active":
            raise Refused(409, f"image {image['id']} has no data yet")
        data = self.data(image["id"])
        headers = {"Content-Type": "application/octet-stream", "Content-MD5": image["checksum"]}
        return Reply(body=data, headers=headers)

    def rows(self) -> list[Json]:
        """Return what is known of every image."""
        return self._db.rows("SELECT * FROM images")

    def data(self, image: str) -> bytes:
        """Return the bytes of an image that is active."""
        return self._file(image).read_bytes()

    def row(self, image: str) -> Json:
        """Return what is known of an image."""
        return self._db.need(f"image {image}", "SELECT * FROM images WHERE id = ?", image)

    def _file(self, image: str) -> Path:
        return self._folder / image

    def _shown(self, row: Json) -> Json:
        return {
            "id": row["id"],
            "name": row["name"],
            "status": row["status"],
            "visibility": "shared",
            "protected": False,
            "owner": PROJECT,
            "tags": [],
            "min_disk": 0,
            "min_ram": 0,
            "disk_format": row["disk_format"],
            "container_format": row["container_format"],
            "size": row["size"],
            "checksum": row["checksum"],
            "os_hash_algo": "sha512" if row["sha512"] else None,
            "os_hash_value": row["sha512"],
            "created_at": row["created"],
            "updated_at": row["created"],
            "file": f"/v2/images/{row['id']}/file",
            "schema": "/v2/schemas/image",
        }
