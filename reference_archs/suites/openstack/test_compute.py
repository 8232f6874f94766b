"""Servers: their life, their keys and their labels."""

import paramiko
import pytest
from cloud import Cloud
from openstack.compute.v2.flavor import Flavor
from openstack.exceptions import HttpException
from openstack.image.v2.image import Image


def test_boot_and_delete(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server becomes active on a host of ours, and is gone after its delete."""
    server = cloud.server(image_id=image.id, flavor_id=flavor.id, networks="none")
    assert server.compute_host, "an active server is on a host"
    cloud.gone(server)


def test_keypair(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server remembers the key that it was given."""
    compute = cloud.connection.compute
    key = compute.create_keypair(name=cloud.name("key"), public_key=_public_key())
    cloud.later(lambda: compute.delete_keypair(key))
    server = cloud.server(
        image_id=image.id, flavor_id=flavor.id, networks="none", key_name=key.name
    )
    assert server.key_name == key.name


def test_metadata(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """What is written on a server can be read, changed and removed."""
    compute = cloud.connection.compute
    server = cloud.server(
        image_id=image.id, flavor_id=flavor.id, networks="none", metadata={"colour": "red"}
    )
    compute.set_server_metadata(server, shape="round")
    assert compute.get_server_metadata(server).metadata == {"colour": "red", "shape": "round"}
    compute.delete_server_metadata(server, ["colour"])
    assert compute.get_server_metadata(server).metadata == {"shape": "round"}


def test_stop_start_and_reboot(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server goes off and on as it is told."""
    compute = cloud.connection.compute
    server = cloud.server(image_id=image.id, flavor_id=flavor.id, networks="none")
    compute.stop_server(server)
    cloud.status(server, "SHUTOFF")
    compute.start_server(server)
    cloud.status(server, "ACTIVE")
    compute.reboot_server(server, "HARD")
    assert cloud.status(server, "ACTIVE").id == server.id


def test_too_large_for_every_host(cloud: Cloud, image: Image) -> None:
    """What no host can carry is refused by the scheduler, with its reason."""
    giant = cloud.flavor(disk=2**20)
    with pytest.raises(AssertionError, match="No valid host"):
        cloud.server(image_id=image.id, flavor_id=giant.id, networks="none")


def test_unknown_image(cloud: Cloud, flavor: Flavor) -> None:
    """A server of an image that is not there is refused as bad, not as our fault."""
    with pytest.raises(HttpException) as refusal:
        cloud.server(
            image_id="00000000-0000-0000-0000-000000000001", flavor_id=flavor.id, networks="none"
        )
    assert refusal.value.status_code == 400


def _public_key() -> str:
    """Return a public key whose private part nobody has."""

    key = paramiko.ECDSAKey.generate()
    return f"{key.get_name()} {key.get_base64()}"
