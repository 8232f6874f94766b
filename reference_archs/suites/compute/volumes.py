"""Volumes as OpenStack's users see them."""

from cloud import Cloud, Resource, unique


class Volumes:
    """Volumes of the cloud under test; what a test made goes with the rest of its cloud."""

    def __init__(self, cloud: Cloud) -> None:
        """Have the cloud sweep what is made."""
        self._cloud = cloud
        self._api = cloud.api.block_storage

    def create(self) -> Resource:
        """Return a new volume of 1 GiB, once it is there."""
        volume = self._api.create_volume(name=unique("volume"), size=1)
        self._cloud.afterwards(lambda: self._api.delete_volume(volume))
        self._until(volume, "available")
        return volume

    def serial(self, volume: Resource) -> str:
        """Return what a guest calls the volume."""
        return str(volume.id)

    def attach(self, server: Resource, volume: Resource) -> None:
        """Attach a volume, and wait until it is."""
        compute = self._cloud.api.compute
        compute.create_volume_attachment(server, volume_id=volume.id)
        self._cloud.afterwards(
            lambda: compute.delete_volume_attachment(server, volume, ignore_missing=True)
        )
        self._until(volume, "in-use")

    def detach(self, server: Resource, volume: Resource) -> None:
        """Detach a volume, and wait until it is."""
        self._cloud.api.compute.delete_volume_attachment(server, volume)
        self._until(volume, "available")

    def _until(self, volume: Resource, status: str) -> None:
        self._api.wait_for_status(volume, status, ["error"], interval=0.05, wait=30)
