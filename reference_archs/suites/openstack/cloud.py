"""The cloud under test: what tests make in it, and how they wait for it."""

import secrets
import time
from collections.abc import Callable

from openstack.compute.v2.flavor import Flavor
from openstack.compute.v2.server import Server
from openstack.connection import Connection
from openstack.exceptions import HttpException, NotFoundException
from openstack.image.v2.image import Image
from openstack.network.v2.network import Network

_POLL_SECONDS = 0.5
_CLEAN_SECONDS = 180.0
#: generous: the machine may be an emulated one beside others
PATIENCE = 420.0


class Cloud:
    """Makes things with names of their own, and takes away in the end what it made."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection."""
        self.connection = connection
        #: ids of the requests that the test sent, in their order
        self.requests: list[str] = []
        self._undo: list[Callable[[], object]] = []

    def name(self, what: str) -> str:
        """Return a name that nothing else has."""
        return f"smoke-{what}-{secrets.token_hex(4)}"

    def later(self, undo: Callable[[], object]) -> None:
        """Have something done when the test is over."""
        self._undo.append(undo)

    def clean_up(self) -> None:
        """Take away what was made, the last first; raise the first refusal in the end."""
        refusals = []
        while self._undo:
            try:
                self._undo.pop()()
            except NotFoundException:
                continue
            except HttpException as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]

    def flavor(self, *, ram: int = 128, disk: int = 1) -> Flavor:
        """Return a new flavor."""
        compute = self.connection.compute
        flavor = compute.create_flavor(name=self.name("flavor"), ram=ram, vcpus=1, disk=disk)
        self.later(lambda: compute.delete_flavor(flavor))
        return flavor

    def image(self, data: bytes = b"smoke" * 64) -> Image:
        """Return a new image that holds `data`."""
        images = self.connection.image
        image = images.create_image(
            self.name("image"), data=data, disk_format="raw", container_format="bare", wait=True
        )
        self.later(lambda: images.delete_image(image))
        return image

    def network(self, cidr: str, **more: object) -> Network:
        """Return a new network with one subnet."""
        networks = self.connection.network
        network = networks.create_network(name=self.name("net"), **more)
        self.later(lambda: networks.delete_network(network))
        networks.create_subnet(network_id=network.id, cidr=cidr, ip_version=4)
        return network

    def server(self, **wanted: object) -> Server:
        """Return a new server once it is active."""
        compute = self.connection.compute
        server = compute.create_server(name=self.name("server"), **wanted)
        self.later(lambda: self.gone(server))
        return self.status(server, "ACTIVE")

    def gone(self, server: Server) -> None:
        """Delete a server and see that it is gone."""
        compute = self.connection.compute
        compute.delete_server(server)
        end = time.monotonic() + _CLEAN_SECONDS
        while compute.find_server(server.id) is not None:
            if time.monotonic() > end:
                raise AssertionError(f"server {server.name} is still there after its delete")
            time.sleep(_POLL_SECONDS)

    def status(self, server: Server, wanted: str) -> Server:
        """Return the server once it has that status; fail with its fault if it has an error."""
        compute = self.connection.compute
        end = time.monotonic() + PATIENCE
        while True:
            server = compute.get_server(server.id)
            if server.status == wanted and not server.task_state:
                return server
            if server.status == "ERROR":
                self._note_actions(server)
                fault = (server.fault or {}).get("message", "it does not say why")
                raise AssertionError(f"server {server.name} went to ERROR: {fault}")
            if time.monotonic() > end:
                self._note_actions(server)
                late = f"{server.status}, not {wanted}, after {PATIENCE:.0f} s"
                raise AssertionError(f"server {server.name} is {late} (task {server.task_state})")
            time.sleep(_POLL_SECONDS)

    def _note_actions(self, server: Server) -> None:
        """Put the requests that the server went through last in line for the logs."""
        actions = list(self.connection.compute.server_actions(server))
        self.requests += [action.request_id for action in reversed(actions)]
