"""A machine with a BMC: how to reach it, what it can do, how it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.secret import Secret

#: the capability of a machine whose firmware boots by UEFI
UEFI = "uefi"


class Provenance(StrEnum):
    """What a node is made of, or where a result came from."""

    PHYSICAL = "physical"
    EMULATED = "emulated"
    SIMULATED = "simulated"
    PARTNER = "partner"


class BootDevice(StrEnum):
    """What a machine boots from next."""

    NETWORK = "network"
    DISK = "disk"


class NodeState(StrEnum):
    """Whether a node may be leased."""

    IN_SERVICE = "in-service"
    #: taken out by us, for what it did
    QUARANTINED = "quarantined"
    #: taken out by a person; only a person brings it back
    DRAINED = "drained"


class Cause(StrEnum):
    """Why we took a node out of service, as far as that decides who brings it back."""

    #: what it did, or what it was found to be: only a person brings it back
    WORK = "work"
    #: its BMC could not be reached: it comes back when that answers again
    BMC = "bmc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bmc:
    """Where a node's BMC listens, and as whom to log in."""

    address: str
    port: int
    user: str
    password: Secret
    #: where IPMI's serial-over-LAN answers, if not at `port` (which may be Redfish's); 0: there
    console_port: int = 0

    @property
    def serial(self) -> int:
        """Return the port of the serial console."""
        return self.console_port or self.port


@dataclass(frozen=True, slots=True, kw_only=True)
class Pdu:
    """The switched power strip that feeds a node, and its outlets there, one per power supply."""

    address: str
    port: int
    #: the SNMP community that may write
    community: Secret
    #: as the strip numbers them, e.g. `7`
    outlets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPort:
    """Where a machine's data card is plugged in."""

    #: name of the switch, and of the port as the switch calls it
    switch: str
    port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine of the lab, as the inventory describes it."""

    name: str
    mac: str
    bmc: Bmc
    provenance: Provenance
    capabilities: frozenset[str]
    #: where its SSH will answer once installed
    address: str
    ssh_port: int = 22
    ssh_user: str = "root"
    #: names of the drivers that reach it
    power: str = "ipmi"
    console: str = "sol"
    boot: str = "install"
    #: what cuts its power when its BMC is dead
    pdu: Pdu | None = None
    #: its network cards: the installed system's name and the MAC address of each
    nics: tuple[tuple[str, str], ...] = ()
    #: what its data card hangs on; None: nobody moves it
    switch: SwitchPort | None = None
    #: its disks: the installed system's name and the size in GiB of each
    disks: tuple[tuple[str, int], ...] = ()

    @property
    def uefi(self) -> bool:
        """Return whether its firmware is UEFI, which the inventory says by a capability."""
        return UEFI in self.capabilities

    @property
    def groups(self) -> tuple[tuple[str, str], ...]:
        """Return what it shares with others while it is installed, as (kind, name)."""
        strip = (("pdu", self.pdu.address),) if self.pdu else ()
        return (("bmc", self.bmc.address), *strip, ("boot", "server"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to log in to an installed node; the host key is the one it called home with."""

    address: str
    port: int
    user: str
    #: `ssh-ed25519 AAAA...`
    host_key: str
    #: SHA-256 (hex) of the certificate of its hypervisor's interface, if it told one
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A node's standing in the store."""

    name: str
    state: NodeState = NodeState.IN_SERVICE
    #: why it is out of service
    reason: str = ""
    cause: Cause = Cause.WORK
    since: datetime | None = None
    #: the attempt that holds it now, or empty
    holder: str = ""
    #: held for a person until then
    held_until: datetime | None = None
    #: broken attempts since it was last trusted
    marks: int = 0
