"""Volumes: a guest sees what is attached to its server."""

from cloud import Cloud, Resource, unique


def test_volume_reaches_the_guest(cloud: Cloud, image: Resource) -> None:
    """An attached volume is a disk of the guest; a detached one is not."""
    volumes, compute = cloud.api.block_storage, cloud.api.compute
    server = cloud.boot(image, cloud.open_group())
    address = cloud.address(server)
    volume = volumes.create_volume(name=unique("volume"), size=1)
    cloud.afterwards(lambda: volumes.delete_volume(volume))
    volumes.wait_for_status(volume, "available", ["error"], interval=0.05, wait=30)
    compute.create_volume_attachment(server, volume_id=volume.id)
    cloud.afterwards(lambda: compute.delete_volume_attachment(server, volume, ignore_missing=True))
    volumes.wait_for_status(volume, "in-use", ["error"], interval=0.05, wait=30)
    disks = dict(reversed(disk) for disk in cloud.greet(address)["disks"])
    assert volume.id in disks, "the guest does not see the volume that is attached"
    compute.delete_volume_attachment(server, volume)
    volumes.wait_for_status(volume, "available", ["error"], interval=0.05, wait=30)
    assert not cloud.greet(address)["disks"], "the guest still sees the detached volume"
