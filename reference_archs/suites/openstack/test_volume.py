"""Volumes: made, grown, attached and taken off again."""

import time

from cloud import PATIENCE, Cloud
from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.flavor import Flavor
from openstack.compute.v2.server import Server
from openstack.image.v2.image import Image


def test_create_and_delete(cloud: Cloud) -> None:
    """A volume becomes available, and is gone after its delete."""
    volumes = cloud.connection.block_storage
    volume = _volume(cloud)
    assert volume.size == 1
    volumes.delete_volume(volume)
    volumes.wait_for_delete(volume, interval=1, wait=PATIENCE)


def test_attach_and_detach(cloud: Cloud, image: Image, flavor: Flavor) -> None:
    """A server takes a volume as a disk, and lets it go."""
    compute, volumes = cloud.connection.compute, cloud.connection.block_storage
    volume = _volume(cloud)
    server = cloud.server(image_id=image.id, flavor_id=flavor.id, networks="none")
    compute.create_volume_attachment(server, volume)
    volumes.wait_for_status(volume, "in-use", failures=["error"], interval=1, wait=PATIENCE)
    assert [found.volume_id for found in compute.volume_attachments(server)] == [volume.id]
    compute.delete_volume_attachment(server, volume)
    volumes.wait_for_status(volume, "available", failures=["error"], interval=1, wait=PATIENCE)
    _nothing_attached(cloud, server)


def _volume(cloud: Cloud) -> Volume:
    volumes = cloud.connection.block_storage
    volume = volumes.create_volume(size=1, name=cloud.name("volume"))
    cloud.later(lambda: volumes.delete_volume(volume))
    return volumes.wait_for_status(
        volume, "available", failures=["error"], interval=1, wait=PATIENCE
    )


def _nothing_attached(cloud: Cloud, server: Server) -> None:
    end = time.monotonic() + PATIENCE
    while list(cloud.connection.compute.volume_attachments(server)):
        assert time.monotonic() < end, "the server still holds the volume that was taken off"
        time.sleep(0.5)
