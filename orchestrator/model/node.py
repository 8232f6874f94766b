"""A machine with a BMC: how to reach it, what it can do, how it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.secret import Secret


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bmc:
    """Where a node's BMC listens, and as whom to log in."""

    address: str
    port: int
    user: str
    password: Secret


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
    boot: str = "preseed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to log in to an installed node; the host key is the one it called home with."""

    address: str
    port: int
    user: str
    #: `ssh-ed25519 AAAA...`
    host_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """A node's standing in the store."""

    name: str
    state: NodeState = NodeState.IN_SERVICE
    #: why it is out of service
    reason: str = ""
    since: datetime | None = None
    #: the attempt that holds it now, or empty
    holder: str = ""
    #: held for a person until then
    held_until: datetime | None = None
    #: broken attempts since it was last trusted
    marks: int = 0
