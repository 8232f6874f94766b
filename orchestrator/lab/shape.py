"""What an emulated machine is made of, and where its guest sees the host."""

from dataclasses import dataclass

#: the host's loopback as a guest sees it through QEMU's user network
HOST = "10.0.2.2"
#: network cards: the first boots and is managed, the second is on the segment that all share
CARDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of each machine of an emulated lab."""

    memory_mib: int = 1024
    processors: int = 2
    disk_gib: int = 8
    #: BIOS by default; UEFI boots the same scripts
    uefi: bool = False

    def text(self) -> str:
        """Return it as one word that `parse` reads."""
        firmware = "uefi" if self.uefi else "bios"
        return f"{self.memory_mib},{self.processors},{self.disk_gib},{firmware}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulation:
    """What makes a lab's machines emulated ones."""

    shape: Shape
    #: command lines that run beside the machines, such as a package cache
    services: tuple[tuple[str, ...], ...] = ()
    #: their BMCs speak Redfish, too
    redfish: bool = False


def parse(text: str) -> Shape:
    """Return the shape that `Shape.text` wrote; raises `ValueError`."""
    memory, processors, disk, firmware = text.split(",")
    return Shape(
        memory_mib=int(memory),
        processors=int(processors),
        disk_gib=int(disk),
        uefi=firmware == "uefi",
    )


def data_mac(mac: str) -> str:
    """Return the MAC of the second card of the machine that boots from `mac`."""
    return f"52:54:01{mac[8:]}"
