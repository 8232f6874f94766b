"""Volumes: their life, what they are made of, servers that have them.

Only where the cloud has cinder.
"""

import os

from cloud import Cloud
from openstack.compute.v2.flavor import Flavor
from openstack.image.v2.image import Image
from volumes import attach, detach, gone, snapshot, status, volume

DRIVER = os.environ.get("SMOKETEST_COMPUTE_DRIVER", "fake")


def test_make_extend_and_delete(cloud: Cloud) -> None:
    """A volume comes, grows, and is gone after its delete."""
    made = volume(cloud)
    cloud.connection.block_storage.extend_volume(made, 2)
    assert status(cloud, made, "available").size == 2
    gone(cloud, made)


def test_of_an_image(cloud: Cloud) -> None:
    """A volume made of an image can be booted, and remembers which image it was."""
    image = cloud.image(b"smoke" * 4096)
    made = volume(cloud, image_id=image.id)
    assert made.is_bootable
    assert made.volume_image_metadata["image_id"] == image.id


def test_snapshot_and_copy(cloud: Cloud) -> None:
    """A snapshot of a volume becomes another volume."""
    made = volume(cloud)
    copy = volume(cloud, snapshot_id=snapshot(cloud, made).id)
    assert copy.id != made.id


def test_attach_and_detach(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server has a volume, and has it no more."""
    compute = cloud.connection.compute
    made = volume(cloud)
    server = cloud.server(image_id=image.id, flavor_id=flavor.id, networks="none")
    attach(cloud, server, made)
    (attachment,) = compute.volume_attachments(server)
    assert attachment.volume_id == made.id
    (seen,) = status(cloud, made, "in-use").attachments
    assert seen["server_id"] == server.id
    if DRIVER == "libvirt":
        # One that runs has to agree, and has no system to: guests do, in test_guest_volume.py.
        compute.stop_server(server)
        cloud.status(server, "SHUTOFF")
    detach(cloud, server, made)
    assert not list(compute.volume_attachments(server))
