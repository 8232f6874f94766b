"""Volumes, and how tests wait for them."""

import time
from collections.abc import Callable

from cloud import PATIENCE, Cloud
from openstack.block_storage.v3.snapshot import Snapshot
from openstack.block_storage.v3.volume import Volume
from openstack.compute.v2.server import Server

_POLL_SECONDS = 0.5


def volume(cloud: Cloud, **wanted: object) -> Volume:
    """Return a new volume once it can be used; it is gone after the test."""
    volumes = cloud.connection.block_storage
    made = volumes.create_volume(name=cloud.name("volume"), size=1, **wanted)
    cloud.later(lambda: gone(cloud, made))
    return status(cloud, made, "available")


def snapshot(cloud: Cloud, of: Volume) -> Snapshot:
    """Return a new snapshot of a volume."""
    volumes = cloud.connection.block_storage
    made = volumes.create_snapshot(name=cloud.name("snapshot"), volume_id=of.id)

    def undo() -> None:
        volumes.delete_snapshot(made)
        _until(lambda: volumes.find_snapshot(made.id) is None, f"snapshot {made.name} is there")

    cloud.later(undo)
    _until(lambda: _seen(volumes.get_snapshot(made.id), "available"), f"{made.name} is not ready")
    return made


def attach(cloud: Cloud, server: Server, wanted: Volume) -> None:
    """Attach a volume to a server; it is detached after the test."""
    compute = cloud.connection.compute
    compute.create_volume_attachment(server, volume_id=wanted.id)
    cloud.later(lambda: detach(cloud, server, wanted))
    status(cloud, wanted, "in-use")


def detach(cloud: Cloud, server: Server, wanted: Volume) -> None:
    """Detach a volume from a server, if it is attached."""
    found = cloud.connection.block_storage.get_volume(wanted.id)
    if found.attachments:
        cloud.connection.compute.delete_volume_attachment(server, wanted.id)
        status(cloud, wanted, "available")


def gone(cloud: Cloud, wanted: Volume) -> None:
    """Delete a volume and see that it is gone."""
    volumes = cloud.connection.block_storage
    volumes.delete_volume(wanted)
    _until(lambda: volumes.find_volume(wanted.id) is None, f"volume {wanted.name} is still there")


def status(cloud: Cloud, wanted: Volume, name: str) -> Volume:
    """Return the volume once it has that status."""
    volumes = cloud.connection.block_storage
    _until(lambda: _seen(volumes.get_volume(wanted.id), name), f"{wanted.name} is not {name}")
    return volumes.get_volume(wanted.id)


def _seen(found: Volume | Snapshot, name: str) -> bool:
    said = str(found.status)
    assert "error" not in said or name == said, f"{found.name} went to {said}"
    return said == name


def _until(true: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"{why} after {PATIENCE:.0f} s"
        time.sleep(_POLL_SECONDS)
