"""Guests: a server boots, is reached over its network, and knows what it was told.

Only where the cloud has the tiny image, whose console tells how it came up.
"""

import json
import time
from collections.abc import Iterator

import pytest
from cloud import Cloud
from guest import Guest, guest_of
from machine import Machine
from openstack.compute.v2.flavor import Flavor

_USER_DATA = "#!/bin/sh\necho smoke > /run/told\n"
_PATIENCE = 60.0


@pytest.fixture(scope="module")
def guest(shared: Cloud, flavor: Flavor, machine: Machine) -> Iterator[Guest]:
    """A guest that said that it is ready, open to nobody yet."""
    yield from guest_of(shared, flavor, machine, _USER_DATA)


def test_console_tells_how_it_came_up(guest: Guest) -> None:
    """The kernel ran, every card has the address that the network gave it."""
    said = guest.console()
    assert "SMOKE BOOTED" in said
    assert f"SMOKE DHCP eth0 {guest.inside}/" in said, "the address of its port"
    assert "SMOKE READY" in said


def test_kept_out_and_let_in(guest: Guest) -> None:
    """Nobody gets in before the security group says so; then the guest is reached."""
    assert not guest.open_port(), "its security group lets nobody in"
    guest.let_in()
    end = time.monotonic() + _PATIENCE
    while not guest.open_port():
        assert time.monotonic() < end, f"{guest.address} does not answer though it may"
        time.sleep(1)


def test_reached_with_its_key(guest: Guest) -> None:
    """Who has the key of its key pair logs in, and finds what its name and user data say."""
    guest.let_in()
    assert guest.ssh("hostname").strip() == guest.name
    assert guest.ssh("cat /run/told").strip() == "smoke"


def test_metadata_is_in_the_guest(guest: Guest) -> None:
    """Its labels and its key are on the config drive."""
    guest.let_in()
    read = "mount -o ro /dev/sr0 /mnt; cat /mnt/openstack/latest/meta_data.json; umount /mnt"
    told = json.loads(guest.ssh(read))
    assert told["uuid"] == guest.id
    assert told["meta"] == {"colour": "red"}
    assert list(told["public_keys"]) == [guest.key_name]
