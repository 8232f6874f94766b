"""The cloud under test, as its user sees it: boots servers, talks to guests, cleans up."""

import json
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection
from openstack.exceptions import HttpException, SDKException

#: a guest's log-in console
CONSOLE = 2222
_BOOT_SECONDS = 60.0
_ANSWER_SECONDS = 15.0
_POLL_SECONDS = 0.05
_CONNECT_SECONDS = 5.0

Resource = Any  # openstacksdk builds its classes' attributes at run time
Guest = dict[str, Any]
#: what the client library raises when the cloud refuses, or does not answer
Refusal = (SDKException, ClientException)


class Told(SDKException):
    """A refusal that is a sentence already, and names its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A keypair as the cloud knows it."""

    name: str
    fingerprint: str


def unique(what: str) -> str:
    """Return a name that no other run uses."""
    return f"smoke-{what}-{secrets.token_hex(2)}"


def sentence(error: Exception) -> str:
    """Return what the cloud said, with the id of the request to look for in its logs."""
    if isinstance(error, Told):
        return str(error)
    if not isinstance(error, HttpException):
        return f"the cloud did not answer as it should: {error}"
    request = f"request {error.request_id}" if error.request_id else "no request id"
    said = str(error.details or error.message).strip().splitlines()[0]
    return f"{said} (HTTP {error.status_code}, {request}, see the log of the API)"


def is_shut(address: str) -> bool:
    """Return whether nothing gets in at `address`."""
    try:
        _read(address)
    except OSError:
        return True
    return False


def greet(address: str) -> Guest:
    """Return what the guest at `address` tells of itself; fail if it stays silent."""
    end = time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            return json.loads(_read(address))
        except (OSError, ValueError) as error:
            last = error
        if time.monotonic() > end:
            pytest.fail(
                f"{address} does not answer on port {CONSOLE} within {_ANSWER_SECONDS:.0f} s: "
                f"{last}; see the log of the agent",
                pytrace=False,
            )
        time.sleep(_POLL_SECONDS)


class Swept:
    """Remembers everything that a test made, and how to undo it."""

    def __init__(self) -> None:
        """Own nothing yet."""
        self._undo: list[Callable[[], object]] = []

    def afterwards(self, undo: Callable[[], object]) -> None:
        """Have `undo` called when the test is over, last one first."""
        self._undo.append(undo)

    def clean_up(self) -> None:
        """Delete whatever is left; the first failure is raised after all were tried."""
        failed: Exception | None = None
        while self._undo:
            try:
                self._undo.pop()()
            except Refusal as error:
                failed = failed or error
        if failed is not None:
            pytest.fail(f"cleaning up failed: {sentence(failed)}", pytrace=False)


class Cloud(Swept):
    """One connection, and everything that a test made through it."""

    def __init__(self, connection: Connection) -> None:
        """Own nothing yet."""
        super().__init__()
        self.api = connection

    def image(self) -> Resource:
        """Return a new tiny image."""
        image = self.api.image.create_image(
            unique("image"),
            data=secrets.token_bytes(2048),
            disk_format="raw",
            container_format="bare",
            allow_duplicates=True,
        )
        self.afterwards(lambda: self.api.image.delete_image(image))
        return self.api.image.get_image(image)

    def networks(self) -> list[Resource]:
        """Return the networks that servers can be plugged in, at least one."""
        found = [net for net in self.api.network.networks() if not net.is_router_external]
        if not found:
            pytest.fail("the cloud has no network to plug a server in", pytrace=False)
        return found

    def model(self, network: Resource) -> str | None:
        """Return what arch files call a network's model; None where the API does not tell."""
        kind = str(network.provider_network_type)
        subnets = self.api.network.subnets(network_id=network.id)
        asks = any(subnet.is_dhcp_enabled for subnet in subnets)
        return f"{kind}-dhcp" if kind == "flat" and asks else kind

    def open_group(self) -> Resource:
        """Return a new security group that lets the console in."""
        group = self.group()
        self.let_in(group)
        return group

    def group(self) -> Resource:
        """Return a new security group that lets nothing in."""
        group = self.api.network.create_security_group(name=unique("group"))
        self.afterwards(lambda: self.api.network.delete_security_group(group))
        return group

    def let_in(self, group: Resource) -> None:
        """Let the console in through a group."""
        self.api.network.create_security_group_rule(
            security_group_id=group.id,
            direction="ingress",
            protocol="tcp",
            port_range_min=CONSOLE,
            port_range_max=CONSOLE,
            remote_ip_prefix="0.0.0.0/0",
        )

    def boot(
        self,
        image: Resource,
        group: Resource,
        networks: Iterable[Resource] = (),
        **more: object,
    ) -> Resource:
        """Return a new server once it is ACTIVE; fail with the cloud's own fault otherwise."""
        flavor = min(self.api.compute.flavors(), key=lambda flavor: int(flavor.ram))
        chosen = list(networks) or self.networks()[:1]
        server = self.api.compute.create_server(
            name=unique("server"),
            image_id=image.id,
            flavor_id=flavor.id,
            networks=[{"uuid": network.id} for network in chosen],
            security_groups=[{"name": group.name}],
            **more,
        )
        self.afterwards(lambda: self._delete(server))
        return self._active(server)

    def address(self, server: Resource, network: Resource | None = None) -> str:
        """Return the server's address on a network, or its first one."""
        names = [network.name] if network is not None else list(server.addresses)
        found = [item["addr"] for name in names for item in server.addresses.get(name, [])]
        if not found:
            where = f" on {network.name}" if network is not None else ""
            pytest.fail(f"server {server.name} has no address{where}", pytrace=False)
        return str(found[0])

    def cards(self, server: Resource) -> list[tuple[str, str]]:
        """Return (address, MAC) of each of the server's network cards."""
        ports = self.api.network.ports(device_id=server.id)
        return [(port.fixed_ips[0]["ip_address"], port.mac_address) for port in ports]

    def keypair(self, key: str) -> Pair:
        """Return a new keypair of that public key."""
        made = self.api.compute.create_keypair(name=unique("key"), public_key=key)
        self.afterwards(lambda: self.api.compute.delete_keypair(made))
        return Pair(name=made.name, fingerprint=made.fingerprint)

    def hypervisors(self) -> dict[str, str]:
        """Return the kind of hypervisor by host."""
        listed = self.api.compute.hypervisors(details=True)
        return {host.name: str(host.hypervisor_type).lower() for host in listed}

    def _active(self, server: Resource) -> Resource:
        end = time.monotonic() + _BOOT_SECONDS
        while server.status not in {"ACTIVE", "ERROR"}:
            if time.monotonic() > end:
                late = f"was not ACTIVE within {_BOOT_SECONDS:.0f} s but {server.status}"
                pytest.fail(f"server {server.name} {late}{self._trail(server)}", pytrace=False)
            time.sleep(_POLL_SECONDS)
            server = self.api.compute.get_server(server)
        if server.status == "ERROR":
            fault = (server.fault or {}).get("message", "the cloud gives no fault")
            kind = self.hypervisors().get(server.hypervisor_hostname, "an unknown hypervisor")
            told = f"went to ERROR on {kind}: {fault}{self._trail(server)}"
            pytest.fail(f"server {server.name} {told}", pytrace=False)
        return server

    def _trail(self, server: Resource) -> str:
        actions = list(self.api.compute.server_actions(server))
        request = actions[0].request_id if actions else "unknown"
        return f" (request {request}, see the log of the agent on {server.compute_host})"

    def _delete(self, server: Resource) -> None:
        self.api.compute.delete_server(server)
        self.api.compute.wait_for_delete(server, interval=_POLL_SECONDS, wait=_BOOT_SECONDS)


def _read(address: str) -> bytes:
    where = (address, CONSOLE)
    with (
        socket.create_connection(where, timeout=_CONNECT_SECONDS) as connection,
        connection.makefile("rb") as stream,
    ):
        return stream.readline()
