"""Volumes as EC2's users see them."""

import uuid
from types import SimpleNamespace

from cloud import Resource
from ec2 import Ec2Cloud


class Ec2Volumes:
    """Volumes of the cloud under test; what a test made goes with the rest of its cloud."""

    def __init__(self, cloud: Ec2Cloud) -> None:
        """Have the cloud sweep what is made."""
        self._cloud = cloud

    def create(self) -> Resource:
        """Return a new volume of 1 GiB."""
        made = self._cloud.ask("create_volume", Size=1, AvailabilityZone="nova")
        volume = SimpleNamespace(id=made["VolumeId"])
        self._cloud.afterwards(lambda: self._cloud.ask("delete_volume", VolumeId=volume.id))
        return volume

    def serial(self, volume: Resource) -> str:
        """Return what a guest calls the volume: the id that the product gave it."""
        return str(uuid.UUID(volume.id.removeprefix("vol-")))

    def attach(self, server: Resource, volume: Resource) -> None:
        """Attach a volume."""
        where = {"VolumeId": volume.id, "InstanceId": server.id}
        self._cloud.ask("attach_volume", **where, Device="/dev/vdb")
        self._expect(volume, "in-use")

    def detach(self, server: Resource, volume: Resource) -> None:
        """Detach a volume."""
        self._cloud.ask("detach_volume", VolumeId=volume.id, InstanceId=server.id)
        self._expect(volume, "available")

    def _expect(self, volume: Resource, state: str) -> None:
        [found] = self._cloud.ask("describe_volumes", VolumeIds=[volume.id])["Volumes"]
        assert found["State"] == state, f"volume {volume.id} is {found['State']}, not {state}"
