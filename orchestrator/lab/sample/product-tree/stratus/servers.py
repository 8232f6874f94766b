"""Compute v2.1: servers."""

import logging
import threading
from contextvars import copy_context

from stratus import instances, ports
from stratus.db import Database
from stratus.guests import Guests
from stratus.ids import PROJECT, USER, new_id
from stratus.journal import request_id
from stratus.scheduler import place
from stratus.security import group_called
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = "/compute/v2.1/servers"
_POWER = {"ACTIVE": 1}
_STATES = {"ACTIVE": "active", "BUILD": "building", "ERROR": "error"}


class Servers:
    """The servers of the one project."""

    def __init__(self, db: Database, guests: Guests, log: logging.Logger) -> None:
        """Spawn through `guests`, and write what goes wrong in `log`."""
        self._db = db
        self._guests = guests
        self._log = log

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("POST", _BASE, self._create),
            route("GET", _BASE, self._list),
            route("GET", _BASE + "/detail", self._list),
            route("GET", _BASE + "/{id}", self._get),
            route("DELETE", _BASE + "/{id}", self._delete),
            route("GET", _BASE + "/{id}/os-instance-actions", self._actions),
        ]

    def _create(self, request: Request) -> Reply:
        asked = request.json("server")
        image = self._existing("images", "image", asked.get("imageRef", ""))
        if image["status"] != "active":
            raise Refused(400, f"image {image['id']} is {image['status']}, not active")
        flavor = self._existing("flavors", "flavor", asked.get("flavorRef", ""))
        key = asked.get("key_name")
        if key is not None:
            self._db.need(f"keypair {key}", "SELECT * FROM keypairs WHERE name = ?", key)
        host = place(self._db, asked.get("availability_zone") or "")
        server = new_id()
        cards = self._cards(server, asked)
        columns: Json = {
            "uuid": server,
            "name": asked.get("name") or server,
            "image": image["id"],
            "flavor": flavor["id"],
            "key_name": key,
            "host": host["name"],
            "zone": host["zone"],
            "request": request_id.get(),
            "metadata": asked.get("metadata") or {},
        }
        instances.create(self._db, columns, [card["mac"] for card in cards])
        # The context carries the request id into the thread, and so into its log lines.
        spawn = threading.Thread(target=copy_context().run, args=(self._spawn, server))
        spawn.start()
        return Reply(status=202, json={"server": self._shown(server)})

    def _existing(self, table: str, what: str, reference: str) -> Json:
        name = reference.rsplit("/", 1)[-1]
        sql = f"SELECT * FROM {table} WHERE id = ?"  # noqa: S608  # the tables are ours
        return self._db.need(f"{what} {name}", sql, name)

    def _cards(self, server: str, asked: Json) -> list[Json]:
        """Plug in the ports that were asked for, or one on the first network."""
        names = [group["name"] for group in asked.get("security_groups") or []] or ["default"]
        groups = [group_called(self._db, name) for name in names]
        first = self._db.rows("SELECT id FROM networks ORDER BY number LIMIT 1")
        wanted = asked.get("networks") or [{"uuid": row["id"]} for row in first]
        cards = [self._card(choice, groups) for choice in wanted]
        for card in cards:
            ports.plug(self._db, server, card)
        return cards

    def _card(self, choice: Json, groups: list[str]) -> Json:
        if "port" in choice:
            return ports.get(self._db, choice["port"])
        network = self._existing("networks", "network", choice.get("uuid", ""))
        return ports.create(self._db, network, groups, name="", owned=True)

    def _spawn(self, server: str) -> None:
        try:
            self._guests.push(server)
        except Refused as refused:
            self._log.error("server %s cannot be spawned: %s", server, refused)
            instances.settle(self._db, server, "ERROR", str(refused))
        else:
            instances.settle(self._db, server, "ACTIVE")

    def _list(self, request: Request) -> Reply:
        rows = instances.every(self._db, request.query.get("name"))
        return Reply(json={"servers": [self._shown(row["uuid"]) for row in rows]})

    def _get(self, request: Request) -> Reply:
        return Reply(json={"server": self._shown(request.parts["id"])})

    def _delete(self, request: Request) -> Reply:
        server = instances.record(self._db, request.parts["id"])["uuid"]
        self._guests.remove(server)
        for port in ports.of_server(self._db, server):
            ports.unplug(self._db, port)
        for volume in self._volumes(server):
            sql = "UPDATE volumes SET status = 'available' WHERE id = ?"
            self._db.rows(sql, volume["id"])
        self._db.rows("DELETE FROM attachments WHERE server = ?", server)
        instances.forget(self._db, server)
        return Reply(status=204)

    def _actions(self, request: Request) -> Reply:
        record = instances.record(self._db, request.parts["id"])
        action = {
            "action": "create",
            "instance_uuid": record["uuid"],
            "request_id": record["request"],
            "start_time": record["created"],
            "message": record["fault"],
            "user_id": USER,
            "project_id": PROJECT,
        }
        return Reply(json={"instanceActions": [action]})

    def _volumes(self, server: str) -> list[Json]:
        sql = "SELECT volume AS id FROM attachments WHERE server = ?"
        return self._db.rows(sql, server)

    def _shown(self, server: str) -> Json:
        record = instances.record(self._db, server)
        status = record["status"]
        told = {
            "id": server,
            "name": record["name"],
            "status": status,
            "created": record["created"],
            "updated": record["created"],
            "tenant_id": PROJECT,
            "user_id": USER,
            "hostId": record["host"],
            "image": {"id": record["image"]},
            "flavor": {"id": record["flavor"]},
            "key_name": record["key_name"],
            "metadata": record["metadata"],
            "progress": 100 if status == "ACTIVE" else 0,
            "links": [],
            "addresses": self._addresses(server),
            "os-extended-volumes:volumes_attached": self._volumes(server),
            "OS-EXT-AZ:availability_zone": record["zone"],
            "OS-EXT-SRV-ATTR:host": record["host"],
            "OS-EXT-SRV-ATTR:hypervisor_hostname": record["host"],
            "OS-EXT-SRV-ATTR:instance_name": f"instance-{record['id']:08x}",
            "OS-EXT-STS:vm_state": _STATES[status],
            "OS-EXT-STS:power_state": _POWER.get(status, 0),
            "OS-EXT-STS:task_state": "spawning" if status == "BUILD" else None,
        }
        if record["fault"]:
            fault = {"code": 500, "created": record["created"], "message": record["fault"]}
            told["fault"] = fault
        return told

    def _addresses(self, server: str) -> Json:
        addresses: Json = {}
        for port in ports.of_server(self._db, server):
            sql = "SELECT name FROM networks WHERE id = ?"
            network = self._db.need("its network", sql, port["network"])
            address = {
                "addr": port["address"],
                "version": 4,
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": port["mac"],
            }
            addresses.setdefault(network["name"], []).append(address)
        return addresses
