"""Network v2: networks as the network model cuts them, and ports on them."""

from importlib import import_module

from stratus import ports
from stratus.config import Config
from stratus.db import Database
from stratus.guests import Guests
from stratus.ids import PROJECT, new_id
from stratus.network.segment import gateway
from stratus.security import default_group
from stratus.web import Json, Refused, Reply, Request, Route, route

_FIRST = ("net-a", "net-b")


class Networks:
    """The networks and ports of the one project."""

    def __init__(self, config: Config, db: Database, guests: Guests) -> None:
        """Load the network model, and make the first networks if there are none."""
        self._config = config
        self._db = db
        self._guests = guests
        model = config.network_model.replace("-", "_")
        self._model = import_module(f"stratus.network.{model}")
        #: whether guests ask for their addresses
        self.dhcp: bool = self._model.segment(config.guest_addresses, 0).dhcp
        if not db.rows("SELECT id FROM networks"):
            for name in _FIRST:
                self._make(name)

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("GET", "/network", self._versions, public=True),
            route("GET", "/network/v2.0/networks", self._list),
            route("POST", "/network/v2.0/networks", self._create),
            route("GET", "/network/v2.0/networks/{id}", self._get),
            route("DELETE", "/network/v2.0/networks/{id}", self._delete),
            route("GET", "/network/v2.0/subnets", self._subnets),
            route("GET", "/network/v2.0/subnets/{id}", self._subnet),
            route("GET", "/network/v2.0/ports", self._ports),
            route("POST", "/network/v2.0/ports", self._create_port),
            route("GET", "/network/v2.0/ports/{id}", self._port),
            route("DELETE", "/network/v2.0/ports/{id}", self._delete_port),
        ]

    def _versions(self, _: Request) -> Reply:
        links = [{"rel": "self", "href": f"{self._config.control}/network/v2.0/"}]
        return Reply(json={"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})

    def _make(self, name: str) -> str:
        taken = {row["number"] for row in self._db.rows("SELECT number FROM networks")}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        segment = self._model.segment(self._config.guest_addresses, number)
        network = new_id()
        self._db.insert(
            "networks",
            id=network,
            name=name,
            number=number,
            bridge=segment.bridge,
            vlan=segment.vlan,
            subnet=new_id(),
            cidr=segment.cidr,
            dhcp=int(segment.dhcp),
        )
        return network

    def _list(self, request: Request) -> Reply:
        name = request.query.get("name")
        sql = "SELECT * FROM networks WHERE ? IS NULL OR name = ? ORDER BY number"
        return Reply(
            json={
                "networks": [
                    _shown(row, self._config.network_model)
                    for row in self._db.rows(sql, name, name)
                ]
            }
        )

    def _create(self, request: Request) -> Reply:
        network = self._make(request.json("network").get("name") or "")
        return Reply(
            status=201, json={"network": _shown(self._row(network), self._config.network_model)}
        )

    def _get(self, request: Request) -> Reply:
        return Reply(
            json={"network": _shown(self._row(request.parts["id"]), self._config.network_model)}
        )

    def _delete(self, request: Request) -> Reply:
        network = self._row(request.parts["id"])["id"]
        if self._db.rows("SELECT id FROM ports WHERE network = ?", network):
            raise Refused(409, f"network {network} still has ports")
        self._db.rows("DELETE FROM networks WHERE id = ?", network)
        return Reply(status=204)

    def _row(self, network: str) -> Json:
        return self._db.need(f"network {network}", "SELECT * FROM networks WHERE id = ?", network)

    def _subnets(self, request: Request) -> Reply:
        network = request.query.get("network_id")
        rows = self._db.rows("SELECT * FROM networks WHERE ? IS NULL OR id = ?", network, network)
        return Reply(json={"subnets": [_subnet(row) for row in rows]})

    def _subnet(self, request: Request) -> Reply:
        subnet = request.parts["id"]
        sql = "SELECT * FROM networks WHERE subnet = ?"
        return Reply(json={"subnet": _subnet(self._db.need(f"subnet {subnet}", sql, subnet))})

    def _ports(self, request: Request) -> Reply:
        device, network = request.query.get("device_id"), request.query.get("network_id")
        sql = "SELECT * FROM ports WHERE (? IS NULL OR device = ?) AND (? IS NULL OR network = ?)"
        rows = self._db.rows(f"{sql} ORDER BY position", device, device, network, network)
        return Reply(json={"ports": [ports.shown(self._db, row) for row in rows]})

    def _create_port(self, request: Request) -> Reply:
        asked = request.json("port")
        groups = asked.get("security_groups") or [default_group(self._db)]
        network = self._row(asked.get("network_id", ""))
        name = asked.get("name") or ""
        port = ports.create(self._db, network, groups, name=name, owned=False)
        return Reply(status=201, json={"port": ports.shown(self._db, port)})

    def _port(self, request: Request) -> Reply:
        port = ports.get(self._db, request.parts["id"])
        return Reply(json={"port": ports.shown(self._db, port)})

    def _delete_port(self, request: Request) -> Reply:
        port = ports.get(self._db, request.parts["id"])
        ports.delete(self._db, port["id"])
        if port["device"]:
            self._guests.push(port["device"])
        return Reply(status=204)


def _shown(network: Json, model: str) -> Json:
    return {
        "id": network["id"],
        "name": network["name"],
        "status": "ACTIVE",
        "admin_state_up": True,
        "shared": False,
        "router:external": False,
        "subnets": [network["subnet"]],
        # `flat-dhcp` is flat: what a network is on the wire.
        "provider:network_type": model.partition("-")[0],
        "provider:physical_network": network["bridge"],
        "provider:segmentation_id": network["vlan"],
        "project_id": PROJECT,
        "tenant_id": PROJECT,
    }


def _subnet(network: Json) -> Json:
    return {
        "id": network["subnet"],
        "name": network["name"],
        "network_id": network["id"],
        "cidr": network["cidr"],
        "ip_version": 4,
        "enable_dhcp": bool(network["dhcp"]),
        "gateway_ip": gateway(network["cidr"]),
        "project_id": PROJECT,
        "tenant_id": PROJECT,
    }
