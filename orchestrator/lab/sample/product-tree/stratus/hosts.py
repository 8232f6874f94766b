"""Compute v2.1: the compute hosts, their zones and hypervisors; agents sign in here."""

from stratus.db import Database
from stratus.ids import now
from stratus.rpc import knows
from stratus.web import Json, Refused, Reply, Request, Route, route

_BASE = "/compute/v2.1"
_TYPES = {"kvm": "QEMU", "xenserver": "XenServer", "hyperv": "hyperv", "vmware": "VMware"}


class Hosts:
    """The hosts whose agent has signed in."""

    def __init__(self, key: str, db: Database) -> None:
        """Believe agents that hold `key`."""
        self._key = key
        self._db = db

    def routes(self) -> list[Route]:
        """Return what it answers."""
        return [
            route("PUT", "/agents/{name}", self._sign_in, public=True),
            route("GET", "/health", self._health, public=True),
            route("GET", _BASE + "/os-availability-zone", self._zones),
            route("GET", _BASE + "/os-availability-zone/detail", self._zones),
            route("GET", _BASE + "/os-hypervisors", self._hypervisors),
            route("GET", _BASE + "/os-hypervisors/detail", self._hypervisors),
            route("GET", _BASE + "/os-services", self._services),
        ]

    def all(self) -> list[Json]:
        """Return every host's row."""
        return self._db.rows("SELECT * FROM hosts ORDER BY name")

    def _health(self, _: Request) -> Reply:
        return Reply(json={"hosts": [host["name"] for host in self.all()]})

    def _sign_in(self, request: Request) -> Reply:
        if not knows(request, self._key):
            raise Refused(401, "an agent with another key wants to sign in")
        told = request.json()
        sql = "INSERT OR REPLACE INTO hosts (name, zone, hypervisor, url) VALUES (?, ?, ?, ?)"
        values = (told["zone"], told["hypervisor"], told["url"])
        self._db.rows(sql, request.parts["name"], *values)
        return Reply(json={})

    def _zones(self, _: Request) -> Reply:
        zones: dict[str, Json] = {}
        for host in self.all():
            state = {"available": True, "active": True, "updated_at": now()}
            zones.setdefault(host["zone"], {})[host["name"]] = {"nova-compute": state}
        told = [
            {"zoneName": zone, "zoneState": {"available": True}, "hosts": hosts}
            for zone, hosts in sorted(zones.items())
        ]
        return Reply(json={"availabilityZoneInfo": told})

    def _hypervisors(self, _: Request) -> Reply:
        told = [
            {
                "id": number,
                "hypervisor_hostname": host["name"],
                "hypervisor_type": _TYPES.get(host["hypervisor"], host["hypervisor"]),
                "hypervisor_version": 1,
                "state": "up",
                "status": "enabled",
                "service": {"id": number, "host": host["name"], "disabled_reason": None},
            }
            for number, host in enumerate(self.all(), start=1)
        ]
        return Reply(json={"hypervisors": told})

    def _services(self, _: Request) -> Reply:
        told = [
            {
                "id": number,
                "binary": "nova-compute",
                "host": host["name"],
                "zone": host["zone"],
                "state": "up",
                "status": "enabled",
                "updated_at": now(),
            }
            for number, host in enumerate(self.all(), start=1)
        ]
        return Reply(json={"services": told})
