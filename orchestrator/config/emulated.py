"""The lab file's table `[emulated]`: machines of QEMU that the lab makes for itself."""

from dataclasses import dataclass

from orchestrator.config import values
from orchestrator.model.document import Entry

#: how such a machine may be installed
BOOTS = ("install", "image", "overlay", "clone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """How many machines, what each is made of, and how they are installed and reached."""

    nodes: int = 3
    #: `install` runs the image's installer; the others use its golden image once that is built
    #: in turn; each is also a capability of its machines: `by-overlay`, ...
    boot: tuple[str, ...] = ("overlay",)
    memory_mib: int = 1024
    processors: int = 2
    disk_gib: int = 8
    uefi: bool = False
    #: by Redfish rather than IPMI
    redfish: bool = False
    #: where installers and packages are fetched from, once
    mirror: str = "http://deb.debian.org/debian"


def emulated(entry: Entry) -> Emulated | None:
    """Return what the table says, None if there is none."""
    if not entry.written:
        return None
    entry.table("nodes", "boot", "memory", "processors", "disk", "firmware", "power", "mirror")
    usual = Emulated()
    return Emulated(
        nodes=entry["nodes"].integer(usual.nodes, least=1),
        boot=_boots(entry["boot"], usual.boot),
        memory_mib=entry["memory"].integer(usual.memory_mib, least=256),
        processors=entry["processors"].integer(usual.processors, least=1),
        disk_gib=entry["disk"].integer(usual.disk_gib, least=1),
        uefi=entry["firmware"].one_of(("bios", "uefi"), "bios") == "uefi",
        redfish=entry["power"].one_of(("ipmi", "redfish"), "ipmi") == "redfish",
        mirror=values.open_url(entry["mirror"]) if entry["mirror"].written else usual.mirror,
    )


def _boots(entry: Entry, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return one way for all machines, or several that they take in turn."""
    if isinstance(entry.value, (list, tuple)):
        return tuple(item.one_of(BOOTS, "") for item in entry.items()) or usual
    return (entry.one_of(BOOTS, usual[0]),)
