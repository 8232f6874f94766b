"""Volumes: a guest sees what is attached to its server."""

from cloud import Cloud, Resource, greet
from volumes import Volumes


def test_volume_reaches_the_guest(cloud: Cloud, volumes: Volumes, image: Resource) -> None:
    """An attached volume is a disk of the guest; a detached one is not."""
    server = cloud.boot(image, cloud.open_group())
    address = cloud.address(server)
    volume = volumes.create()
    volumes.attach(server, volume)
    disks = dict(reversed(disk) for disk in greet(address)["disks"])
    assert volumes.serial(volume) in disks, "the guest does not see the volume that is attached"
    volumes.detach(server, volume)
    assert not greet(address)["disks"], "the guest still sees the detached volume"
