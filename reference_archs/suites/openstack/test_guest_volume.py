"""Volumes of guests: a guest that starts from one, and gets another while it runs."""

import time
from collections.abc import Iterator

import pytest
from cloud import Cloud
from guest import IMAGE, Guest, guest_of
from machine import Machine
from openstack.compute.v2.flavor import Flavor
from volumes import attach, detach, volume

_PATIENCE = 60.0


@pytest.fixture(scope="module")
def started(shared: Cloud, flavor: Flavor, machine: Machine) -> Iterator[Guest]:
    """A guest whose disk is a volume made of the tiny image."""
    image = shared.connection.image.find_image(IMAGE)
    disk = volume(shared, image_id=image.id)
    source = {"boot_index": 0, "uuid": disk.id, "source_type": "volume"}
    source |= {"destination_type": "volume", "delete_on_termination": False}
    yield from guest_of(
        shared, flavor, machine, "#!/bin/sh\n", image_id="", block_device_mapping=[source]
    )


def _disks(guest: Guest) -> set[str]:
    lines = guest.ssh("cat /proc/partitions").splitlines()[2:]
    return {line.split()[-1] for line in lines if line.split()[-1].startswith("vd")}


def _until(guest: Guest, wanted: set[str]) -> None:
    end = time.monotonic() + _PATIENCE
    while (seen := _disks(guest)) != wanted:
        assert time.monotonic() < end, f"the guest has {sorted(seen)}, not {sorted(wanted)}"
        time.sleep(1)


def test_another_volume_comes_and_goes(started: Guest, cloud: Cloud) -> None:
    """What a guest writes on a volume is there when it gets it again."""
    started.let_in()
    first = _disks(started)
    other = volume(cloud)
    attach(cloud, started.server, other)
    _until(started, first | {"vdb"})
    started.ssh("echo kept | dd of=/dev/vdb bs=512 count=1 conv=sync; sync")
    detach(cloud, started.server, other)
    _until(started, first)
    attach(cloud, started.server, other)
    _until(started, first | {"vdb"})
    assert started.ssh("dd if=/dev/vdb bs=512 count=1 2>/dev/null | head -n 1").strip() == "kept"
