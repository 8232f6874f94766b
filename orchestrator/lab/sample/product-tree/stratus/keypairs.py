"""Compute v2.1: keypairs. The public half only: whoever wants a private one makes it."""

import base64
import binascii
import hashlib

from stratus.db import Database
from stratus.ids import USER
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = "/compute/v2.1/os-keypairs"


class Keypairs:
    """The keypairs of the one user."""

    def __init__(self, db: Database) -> None:
        """Keep everything in the database."""
        self._db = db

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", _BASE, self._list),
            route("POST", _BASE, self._create),
            route("GET", _BASE + "/{name}", self._get),
            route("DELETE", _BASE + "/{name}", self._delete),
        ]

    def _list(self, _: Request) -> Reply:
        rows = self._db.rows("SELECT * FROM keypairs ORDER BY name")
        return Reply(json={"keypairs": [{"keypair": _shown(row)} for row in rows]})

    def _create(self, request: Request) -> Reply:
        asked = request.json("keypair")
        name, key = asked.get("name", ""), asked.get("public_key", "")
        if self._db.row("SELECT name FROM keypairs WHERE name = ?", name):
            raise Refused(409, f"there is a keypair {name} already")
        self._db.insert("keypairs", name=name, public_key=key, fingerprint=fingerprint(key))
        return Reply(json={"keypair": _shown(self._row(name))})

    def _get(self, request: Request) -> Reply:
        return Reply(json={"keypair": _shown(self._row(request.parts["name"]))})

    def _delete(self, request: Request) -> Reply:
        name = self._row(request.parts["name"])["name"]
        self._db.rows("DELETE FROM keypairs WHERE name = ?", name)
        return Reply(status=202)

    def _row(self, name: str) -> Json:
        return self._db.need(f"keypair {name}", "SELECT * FROM keypairs WHERE name = ?", name)


def fingerprint(public_key: str) -> str:
    """Return the MD5 of an OpenSSH public key, as pairs of digits between colons."""
    try:
        blob = base64.b64decode(public_key.split()[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise Refused(400, "the public key is not one line of OpenSSH's format") from error
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))


def _shown(row: Json) -> Json:
    return {**row, "user_id": USER, "type": "ssh"}
