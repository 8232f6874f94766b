"""What a driver is asked to build, and what a guest finds once it runs."""

from dataclasses import dataclass
from typing import Any, Protocol

#: a row of the control's database
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where one network card of a guest is plugged in."""

    bridge: str
    #: tag of its VLAN, None for none
    vlan: int | None
    #: empty if the guest has to ask for it
    address: str
    #: ranges of TCP ports that the security groups let in
    allowed: tuple[tuple[int, int], ...]
    #: where the guest asks for its address, `address:port`; empty: the address is injected
    dhcp: str = ""
    #: the network's own address
    gateway: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A volume, and the device that the guest sees it as."""

    volume: str
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A guest as the control wants it."""

    instance: Record
    links: tuple[Link, ...]
    disks: tuple[Disk, ...]
    fingerprint: str
    metadata: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What a guest finds when it boots: read back from the definition alone."""

    name: str
    macs: tuple[str, ...]
    #: (device, volume) of each disk but the first
    disks: tuple[tuple[str, str], ...]


class Driver(Protocol):
    """A module of this package."""

    def define(self, order: Order) -> str:
        """Return the guest's definition in the hypervisor's own language."""
        ...

    def power_on(self, definition: str) -> Hardware:
        """Return what a guest with that definition finds."""
        ...
