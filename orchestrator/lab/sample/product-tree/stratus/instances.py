"""The table of instances: what the control remembers of each server."""

import json
from collections.abc import Iterable

from stratus.db import Database
from stratus.ids import now
from stratus.web import Json


def create(db: Database, asked: Json, macs: Iterable[str]) -> None:
    """Add an instance in status BUILD; `asked` holds its columns."""
    columns = {**asked, "metadata": json.dumps(asked["metadata"])}
    db.insert("instances", **columns, status="BUILD", created=now(), mac_address=",".join(macs))


def set_macs(db: Database, server: str, macs: Iterable[str]) -> None:
    """Remember the MAC addresses of the server's network cards, in their order."""
    db.rows("UPDATE instances SET mac_address = ? WHERE uuid = ?", ",".join(macs), server)


def record(db: Database, server: str) -> Json:
    """Return everything about the server, as the drivers read it."""
    row = db.need(f"server {server}", "SELECT * FROM instances WHERE uuid = ?", server)
    return {**row, "metadata": json.loads(row["metadata"])}


def every(db: Database, name: str | None) -> list[Json]:
    """Return the records of all servers, or of those called `name`."""
    sql = "SELECT uuid FROM instances WHERE ? IS NULL OR name = ? ORDER BY id"
    return [record(db, row["uuid"]) for row in db.rows(sql, name, name)]


def settle(db: Database, server: str, status: str, fault: str | None = None) -> None:
    """Set the server's status, and what went wrong with it."""
    db.rows("UPDATE instances SET status = ?, fault = ? WHERE uuid = ?", status, fault, server)


def forget(db: Database, server: str) -> None:
    """Delete the server's row."""
    db.rows("DELETE FROM instances WHERE uuid = ?", server)
