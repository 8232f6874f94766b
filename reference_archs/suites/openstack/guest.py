"""A guest of the cloud: booted from the tiny image, looked into from beside it."""

import os
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO

import paramiko
from cloud import PATIENCE, Cloud
from machine import Machine
from openstack.compute.v2.flavor import Flavor
from openstack.compute.v2.server import Server
from openstack.network.v2.network import Network
from openstack.network.v2.port import Port
from openstack.network.v2.security_group import SecurityGroup
from roads import inside_network, outside_network

IMAGE = "tiny"
_POLL_SECONDS = 1.0
_LOOSE = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")


@dataclass(kw_only=True)
class Guest:
    """One guest, the machine it is looked into from, and how it is let in."""

    cloud: Cloud
    machine: Machine
    server: Server
    group: SecurityGroup
    #: where its private key is on the machine
    key: str
    #: the address of its card
    inside: str
    #: the address that it is reached at
    address: str
    _open: bool = field(default=False, repr=False)

    @property
    def id(self) -> str:
        """Return the server's id."""
        return str(self.server.id)

    @property
    def name(self) -> str:
        """Return the server's name."""
        return str(self.server.name)

    @property
    def key_name(self) -> str:
        """Return the name of its key pair."""
        return str(self.server.key_name)

    def console(self) -> str:
        """Return what it has said on its serial console."""
        compute = self.cloud.connection.compute
        return str(compute.get_server_console_output(self.server)["output"])

    def ready(self) -> None:
        """Return once it says that it is ready."""
        end = time.monotonic() + PATIENCE
        while "SMOKE READY" not in (said := self.console()):
            assert time.monotonic() < end, f"{self.name} is not ready: {said[-400:]!r}"
            time.sleep(_POLL_SECONDS)

    def let_in(self) -> None:
        """Have its security group let SSH in."""
        if not self._open:
            networks = self.cloud.connection.network
            networks.create_security_group_rule(
                security_group_id=self.group.id,
                direction="ingress",
                protocol="tcp",
                port_range_min=22,
                port_range_max=22,
            )
            self._open = True

    def open_port(self) -> bool:
        """Return whether its SSH port takes a connection."""
        probe = "import socket, sys; socket.create_connection((sys.argv[1], 22), 3)"
        status, _ = self.machine.within(["python3", "-c", probe, self.address])
        return status == 0

    def ssh(self, command: str) -> str:
        """Return what a command in the guest prints; it must succeed."""
        options = [word for option in (*_LOOSE, "ConnectTimeout=20") for word in ("-o", option)]
        login = ["-i", self.key, f"root@{self.address}"]
        status, said = self.machine.within(["ssh", "-F", "/dev/null", *options, *login, command])
        assert status == 0, f"{command!r} in {self.name} at {self.address}: {said[-400:]!r}"
        return said


def guest_of(
    cloud: Cloud, flavor: Flavor, machine: Machine, user_data: str, **more: object
) -> Iterator[Guest]:
    """Yield a guest that is ready; its private key is gone from the machine afterwards."""
    compute, networks = cloud.connection.compute, cloud.connection.network
    image = cloud.connection.image.find_image(IMAGE)
    assert image, "the deploy uploads the tiny image where guests run"
    network = _network(cloud)
    group = networks.create_security_group(name=cloud.name("group"))
    cloud.later(lambda: networks.delete_security_group(group))
    secret = paramiko.ECDSAKey.generate()
    public = f"{secret.get_name()} {secret.get_base64()}"
    key = compute.create_keypair(name=cloud.name("key"), public_key=public)
    cloud.later(lambda: compute.delete_keypair(key))
    wanted = {
        "image_id": image.id,
        "flavor_id": flavor.id,
        "networks": [{"uuid": network.id}],
        "security_groups": [{"name": group.name}],
        "key_name": key.name,
        "metadata": {"colour": "red"},
        "user_data": b64encode(user_data.encode()).decode(),
    }
    server = cloud.server(**(wanted | more))
    port = next(networks.ports(device_id=server.id))
    path = f"/tmp/{cloud.name('key')}"  # noqa: S108  # nobody else's name
    _put(machine, path, secret)
    guest = Guest(
        cloud=cloud,
        machine=machine,
        server=server,
        group=group,
        key=path,
        inside=port.fixed_ips[0]["ip_address"],
        address=_address(cloud, port),
    )
    try:
        guest.ready()
        yield guest
    finally:
        machine.said(["rm", "-f", path])


def _put(machine: Machine, path: str, key: paramiko.ECDSAKey) -> None:
    text = StringIO()
    key.write_private_key(text)
    status, said = machine.said(["sh", "-c", 'umask 77; cat > "$0"', path], stdin=text.getvalue())
    assert status == 0, said


def _flat() -> bool:
    return os.environ.get("SMOKETEST_GUEST_NETWORK") == "flat"


def _network(cloud: Cloud) -> Network:
    """Return the network that guests are on, as the arch says."""
    return outside_network(cloud) if _flat() else inside_network(cloud)


def _address(cloud: Cloud, port: Port) -> str:
    """Return the address that the guest is reached at: its own, or one that floats."""
    if _flat():
        return str(port.fixed_ips[0]["ip_address"])
    networks = cloud.connection.network
    outside = outside_network(cloud)
    floating = networks.create_ip(floating_network_id=outside.id, port_id=port.id)
    cloud.later(lambda: networks.delete_ip(floating))
    return str(floating.floating_ip_address)
