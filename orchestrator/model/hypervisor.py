"""A hypervisor as it is spoken to: how to log in, what it is, what was left on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where a hypervisor's management interface answers, and as whom."""

    address: str
    port: int
    user: str
    password: Secret
    #: SHA-256 (hex) of the certificate that it must have
    certificate: str
    #: the machine, for whoever is told what is wrong
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What answers: product, version and what it can do, in the hypervisor's own words."""

    product: str
    version: str
    capabilities: tuple[str, ...] = ()


class StrayKind(StrEnum):
    """What a branch may leave behind."""

    GUEST = "guest"
    NETWORK = "network"
    STORE = "datastore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """Something that no fresh install has."""

    kind: StrayKind
    name: str
    #: by which the hypervisor knows it
    ref: str


def named(strays: Iterable[Stray]) -> str:
    """Return what was left as people read it."""
    return ", ".join(f"{one.kind} {one.name}" for one in strays)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How our installs leave a hypervisor's management interface."""

    user: str
    port: int
    #: what prints the password that the machine gave itself
    password: str


FACES: Final[Mapping[str, Face]] = {
    "xenserver": Face(user="root", port=443, password="cat /etc/smoketest-password"),  # noqa: S106
    "vmware": Face(user="root", port=443, password="cat /etc/smoketest-password"),  # noqa: S106
    "hyperv": Face(
        user="Administrator",
        port=5986,
        password=r"cmd /c type C:\ProgramData\smoketest\password",  # noqa: S106
    ),
}
