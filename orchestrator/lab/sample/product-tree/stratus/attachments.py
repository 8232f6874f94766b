"""Compute v2.1: what is attached to servers: volumes, network cards, security groups."""

from stratus import instances, ports
from stratus.config import Config
from stratus.db import Database
from stratus.guests import Guests
from stratus.ids import new_id
from stratus.lefthand import LeftHand
from stratus.security import default_group, group_called
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = "/compute/v2.1/servers/{server}"
_LETTERS = "bcdefghijklmnop"


class Attachments:
    """Each change is pushed to the guest before it is answered, and undone if that fails."""

    def __init__(self, config: Config, db: Database, guests: Guests) -> None:
        """Work on the guests' definitions in the database."""
        self._array = LeftHand(config.array, config.folder)
        self._db = db
        self._guests = guests

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", _BASE + "/os-volume_attachments", self._volumes),
            route("POST", _BASE + "/os-volume_attachments", self._attach_volume),
            route("GET", _BASE + "/os-volume_attachments/{volume}", self._volume),
            route("DELETE", _BASE + "/os-volume_attachments/{volume}", self._detach_volume),
            route("GET", _BASE + "/os-interface", self._cards),
            route("POST", _BASE + "/os-interface", self._add_card),
            route("DELETE", _BASE + "/os-interface/{port}", self._remove_card),
            route("POST", _BASE + "/action", self._act),
        ]

    def _server(self, request: Request) -> str:
        return str(instances.record(self._db, request.parts["server"])["uuid"])

    def _volumes(self, request: Request) -> Reply:
        sql = "SELECT * FROM attachments WHERE server = ?"
        rows = self._db.rows(sql, self._server(request))
        return Reply(json={"volumeAttachments": [_shown(row) for row in rows]})

    def _volume(self, request: Request) -> Reply:
        row = self._attachment(self._server(request), request.parts["volume"])
        return Reply(json={"volumeAttachment": _shown(row)})

    def _attach_volume(self, request: Request) -> Reply:
        server = self._server(request)
        name = request.json("volumeAttachment").get("volumeId", "")
        volume = self._db.need(f"volume {name}", "SELECT * FROM volumes WHERE id = ?", name)
        if volume["status"] != "available":
            raise Refused(400, f"volume {name} is {volume['status']}, not available")
        sql = "SELECT device FROM attachments WHERE server = ?"
        taken = {row["device"] for row in self._db.rows(sql, server)}
        device = next(f"/dev/vd{c}" for c in _LETTERS if f"/dev/vd{c}" not in taken)
        self._db.insert("attachments", id=new_id(), volume=name, server=server, device=device)
        try:
            self._array.attach(name, self._host(server))
            self._guests.push(server)
        except Refused as refused:
            self._db.rows("DELETE FROM attachments WHERE volume = ?", name)
            raise Refused(refused.status, f"volume {name} was not attached: {refused}") from refused
        self._db.rows("UPDATE volumes SET status = 'in-use' WHERE id = ?", name)
        return Reply(json={"volumeAttachment": _shown(self._attachment(server, name))})

    def _detach_volume(self, request: Request) -> Reply:
        server, volume = self._server(request), request.parts["volume"]
        attachment = self._attachment(server, volume)
        self._db.rows("DELETE FROM attachments WHERE id = ?", attachment["id"])
        self._guests.push(server)
        self._array.detach(volume, self._host(server))
        self._db.rows("UPDATE volumes SET status = 'available' WHERE id = ?", volume)
        return Reply(status=202)

    def _host(self, server: str) -> str:
        return str(instances.record(self._db, server)["host"])

    def _attachment(self, server: str, volume: str) -> Json:
        sql = "SELECT * FROM attachments WHERE server = ? AND volume = ?"
        return self._db.need(f"volume {volume} on server {server}", sql, server, volume)

    def _cards(self, request: Request) -> Reply:
        cards = ports.of_server(self._db, self._server(request))
        return Reply(json={"interfaceAttachments": [self._card(port) for port in cards]})

    def _add_card(self, request: Request) -> Reply:
        server, asked = self._server(request), request.json("interfaceAttachment")
        if "port_id" in asked:
            port = ports.get(self._db, asked["port_id"])
        else:
            name = asked.get("net_id", "")
            network = self._db.need(f"network {name}", "SELECT * FROM networks WHERE id = ?", name)
            groups = [default_group(self._db)]
            port = ports.create(self._db, network, groups, name="", owned=True)
        ports.plug(self._db, server, port)
        self._refresh(server)
        return Reply(json={"interfaceAttachment": self._card(port)})

    def _remove_card(self, request: Request) -> Reply:
        server = self._server(request)
        ports.unplug(self._db, ports.get(self._db, request.parts["port"]))
        self._refresh(server)
        return Reply(status=202)

    def _refresh(self, server: str) -> None:
        cards = ports.of_server(self._db, server)
        instances.set_macs(self._db, server, [card["mac"] for card in cards])
        self._guests.push(server)

    def _card(self, port: Json) -> Json:
        told = ports.shown(self._db, port)
        return {
            "port_id": told["id"],
            "net_id": told["network_id"],
            "mac_addr": told["mac_address"],
            "fixed_ips": told["fixed_ips"],
            "port_state": told["status"],
        }

    def _act(self, request: Request) -> Reply:
        server, asked = self._server(request), request.json()
        if "addSecurityGroup" in asked:
            sql = "INSERT INTO port_groups VALUES (?, ?)"
            name = asked["addSecurityGroup"]["name"]
        elif "removeSecurityGroup" in asked:
            sql = "DELETE FROM port_groups WHERE port = ? AND security_group = ?"
            name = asked["removeSecurityGroup"]["name"]
        else:
            raise Refused(400, f"stratus cannot do {', '.join(asked) or 'nothing'} to a server")
        group = group_called(self._db, name)
        for port in ports.of_server(self._db, server):
            self._db.rows(sql, port["id"], group)
        self._guests.push(server)
        return Reply(status=202)


def _shown(row: Json) -> Json:
    return {
        "id": row["volume"],
        "serverId": row["server"],
        "volumeId": row["volume"],
        "device": row["device"],
    }
