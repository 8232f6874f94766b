"""Which host a server goes to."""

from stratus.db import Database
from stratus.web import Json, Refused


def place(db: Database, wanted: str) -> Json:
    """Return the host with the fewest servers in `wanted`: a zone, `zone:host`, or anything."""
    zone, _, name = wanted.partition(":")
    counted = (
        "SELECT hosts.*, (SELECT count(*) FROM instances WHERE host = hosts.name) AS load"
        " FROM hosts ORDER BY load, name"
    )
    fitting = [
        host
        for host in db.rows(counted)
        if zone in {"", host["zone"]} and name in {"", host["name"]}
    ]
    if not fitting:
        place_name = f"zone {zone}" + (f", host {name}" if name else "") if zone else "the cloud"
        raise Refused(400, f"no valid host was found in {place_name}")
    return fitting[0]
