"""Volumes: a guest sees what is attached over iSCSI, reads it, and loses it again."""

import secrets
import time
from collections.abc import Iterator

import pytest
from guest import Guest
from host import Host
from volume import Volume

_PLUG_SECONDS = 240.0
_POLL_SECONDS = 1.0


@pytest.fixture
def volume(host: Host) -> Iterator[Volume]:
    """The target's volume, logged out afterwards."""
    volume = Volume(host.node)
    yield volume
    volume.log_out()


def test_volume_reaches_the_guest(host: Host, guest: Guest, volume: Volume) -> None:
    """An attached volume is a disk of its size that holds what the target stores."""
    before = host.ask(guest)
    token = f"smoke {secrets.token_hex(8)}"
    volume.write(token)
    device = volume.log_in()
    host.hypervisor.attach(guest, device)
    name = _come(host, guest, set(before.disks))
    after = host.ask(guest)
    assert after.disks[name] == volume.bytes, f"{name} has {after.disks[name]} bytes"
    assert after.heads[name] == token, f"{name} begins with {after.heads[name]!r}, not {token!r}"
    host.hypervisor.detach(guest, device)
    _go(host, guest, name)


def _come(host: Host, guest: Guest, before: set[str]) -> str:
    """Return the name of the disk that the guest sees besides those before."""
    give_up = time.monotonic() + _PLUG_SECONDS
    while not (new := set(host.ask(guest).disks) - before):
        if time.monotonic() > give_up:
            pytest.fail(f"the guest sees no new disk{host.trail(guest)}", pytrace=False)
        time.sleep(_POLL_SECONDS)
    return min(new)


def _go(host: Host, guest: Guest, name: str) -> None:
    """Return when the guest does not see the disk any more."""
    give_up = time.monotonic() + _PLUG_SECONDS
    while name in host.ask(guest).disks:
        if time.monotonic() > give_up:
            pytest.fail(f"the guest still sees {name}{host.trail(guest)}", pytrace=False)
        time.sleep(_POLL_SECONDS)
