"""Tells agents which guests there shall be: an order is the whole guest, so it may be repeated."""

from stratus import instances, ports
from stratus.config import Config
from stratus.db import Database
from stratus.dhcp.server import PORT
from stratus.network.segment import gateway
from stratus.rpc import Caller, call
from stratus.web import Json

_ALL_PORTS = (1, 65535)


class Guests:
    """The guests on all hosts."""

    def __init__(self, config: Config, db: Database, call: Caller = call) -> None:
        """Use the config's key towards the agents, and `call` to reach them."""
        self._key = config.key
        self._dhcp = f"{config.address}:{PORT}"
        self._db = db
        self._call = call

    def push(self, server: str) -> None:
        """Have the server's guest be as the database says; raise `Refused` with the fault."""
        record = instances.record(self._db, server)
        self._call("PUT", self._url(record), self._key, self._order(record))

    def push_group(self, group: str) -> None:
        """Push every server that has a network card in the security group."""
        sql = (
            "SELECT DISTINCT device FROM ports JOIN port_groups ON port_groups.port = ports.id"
            " JOIN instances ON instances.uuid = device"
            " WHERE security_group = ? AND status = 'ACTIVE'"
        )
        for row in self._db.rows(sql, group):
            self.push(row["device"])

    def remove(self, server: str) -> None:
        """Have the server's guest be gone."""
        self._call("DELETE", self._url(instances.record(self._db, server)), self._key)

    def _url(self, record: Json) -> str:
        sql = "SELECT url FROM hosts WHERE name = ?"
        host = self._db.need(f"host {record['host']}", sql, record["host"])
        return f"{host['url']}/guests/{record['uuid']}"

    def _order(self, record: Json) -> Json:
        sql = "SELECT volume, device FROM attachments WHERE server = ? ORDER BY device"
        key = self._db.row(
            "SELECT fingerprint FROM keypairs WHERE name = ?", record["key_name"] or ""
        )
        cards = ports.of_server(self._db, record["uuid"])
        return {
            "instance": record,
            "links": [self._link(port) for port in cards],
            "disks": self._db.rows(sql, record["uuid"]),
            "fingerprint": key["fingerprint"] if key else "",
            "metadata": record["metadata"],
        }

    def _link(self, port: Json) -> Json:
        sql = "SELECT * FROM networks WHERE id = ?"
        network = self._db.need("its network", sql, port["network"])
        return {
            "bridge": network["bridge"],
            "vlan": network["vlan"],
            "address": "" if network["dhcp"] else port["address"],
            "allowed": self._allowed(port["id"]),
            "dhcp": self._dhcp if network["dhcp"] else "",
            "gateway": gateway(network["cidr"]),
        }

    def _allowed(self, port: str) -> list[tuple[int, int]]:
        sql = (
            "SELECT port_min, port_max FROM security_group_rules JOIN port_groups"
            " USING (security_group) WHERE port = ? AND direction = 'ingress'"
            " AND (protocol IS NULL OR protocol = 'tcp')"
        )
        lowest, highest = _ALL_PORTS
        rules = self._db.rows(sql, port)
        return [(rule["port_min"] or lowest, rule["port_max"] or highest) for rule in rules]
