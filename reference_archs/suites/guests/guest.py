"""A tiny guest: what it is made of, and what it tells of itself."""

import re
import secrets
from dataclasses import dataclass

#: where a guest tells what it sees, one fact a line
PORT = 7
#: what its console shows once it answers
READY = "SMOKE READY"
_FACT = re.compile(r"(mac|disk|head) (\S+)(?: (.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """One network card: its MAC address, the node's bridge that it is on, and its IP address."""

    mac: str
    bridge: str
    #: with its prefix, `100.64.1.2/25`
    address: str

    @property
    def ip(self) -> str:
        """Return the address alone."""
        return self.address.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A guest to boot: the node's own kernel, and an initramfs that is all it runs."""

    name: str
    kernel: str
    initrd: str
    nics: tuple[Nic, ...]
    memory_mib: int = 128

    @property
    def arguments(self) -> str:
        """Return what its init reads from the kernel's command line."""
        return " ".join(f"smoke.nic={nic.mac},{nic.address}" for nic in self.nics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a guest sees of itself: MAC address by card, bytes by disk, first line by disk."""

    macs: dict[str, str]
    disks: dict[str, int]
    heads: dict[str, str]


def new_name() -> str:
    """Return a name that no other run uses."""
    return f"smoke-{secrets.token_hex(3)}"


def new_mac() -> str:
    """Return a made-up MAC address of the range that QEMU and libvirt use."""
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in secrets.token_bytes(3))


def parse(text: str) -> Report:
    """Return what the lines of a guest say; lines that say something else are passed over."""
    facts = [match.groups() for line in text.splitlines() if (match := _FACT.fullmatch(line))]
    return Report(
        macs={name: str(value).lower() for kind, name, value in facts if kind == "mac"},
        disks={name: int(value) for kind, name, value in facts if kind == "disk"},
        heads={name: value or "" for kind, name, value in facts if kind == "head"},
    )
