"""The command line of QEMU for one emulated machine."""

import shlex
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab.board import BootDevice
from orchestrator.lab.shape import Shape, data_mac

EMULATOR = "qemu-system-x86_64"
OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
#: where a clone asks who it is
IDENTITY = "10.0.2.100:80"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What one power-on plugs together."""

    name: str
    mac: str
    shape: Shape
    disk: Path
    #: served by TFTP, with `boot.ipxe` in it
    tftp: Path
    device: BootDevice
    #: host address and port that lead to the guest's SSH
    ssh: tuple[str, int]
    #: handle of the connected monitor
    monitor: int
    #: folder of the switch that the second cards share, None for no cable
    segment: Path | None = None
    #: False: nothing answers on the first card's network
    dhcp: bool = True
    #: the machine's own UEFI variables
    variables: Path | None = None
    #: one line about itself, for a clone
    identity: Path | None = None
    #: memory of a running template, and whether writes to it are the template's own
    memory: Path | None = None
    shared: bool = False
    #: begins stopped, waiting for the state of a running template
    incoming: bool = False


def variables(shape: Shape, path: Path) -> Path | None:
    """Return `path` with a machine's UEFI variables, fresh ones if need be; None with BIOS."""
    if shape.uefi and not path.exists():
        draft = path.with_suffix(".new")
        shutil.copyfile(OVMF_VARS, draft)
        draft.replace(path)
    return path if shape.uefi else None


def command(parts: Parts) -> list[str]:
    """Return the whole command line."""
    return [EMULATOR, *_board(parts), *_disk(parts), *_network(parts), *_boot(parts)]


def _board(parts: Parts) -> Iterator[str]:
    shape = parts.shape
    identity = uuid.uuid5(uuid.NAMESPACE_OID, parts.mac)
    yield from ("-name", parts.name, "-uuid", str(identity), "-smbios", f"type=1,serial={identity}")
    # Emulated, a string of bytes is moved one by one: without ERMS, Linux moves eight at once.
    yield from ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,la57=off,erms=off")
    yield from ("-smp", str(shape.processors), "-m", str(shape.memory_mib))
    yield from ("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot")
    yield from ("-serial", "stdio", "-device", "virtio-rng-pci")
    yield from ("-chardev", f"socket,id=qmp,fd={parts.monitor}", "-mon", "qmp,mode=control")
    if parts.memory is None:
        yield from ("-M", "q35,graphics=off")
        return
    share = "on" if parts.shared else "off"
    backend = f"memory-backend-file,id=ram,size={shape.memory_mib}M"
    yield from ("-M", "q35,graphics=off,memory-backend=ram")
    yield from ("-object", f"{backend},mem-path={_escaped(parts.memory)},share={share}")


def _disk(parts: Parts) -> Iterator[str]:
    drive = f"if=none,id=d0,file={_escaped(parts.disk)},format=qcow2,cache=unsafe,discard=unmap"
    yield from ("-drive", drive)
    yield from (
        "-device",
        f"virtio-blk-pci,drive=d0,serial={parts.name}{_rank(parts, BootDevice.DISK)}",
    )


def _network(parts: Parts) -> Iterator[str]:
    yield from ("-netdev", ",".join(_managed(parts)))
    yield from (
        "-device",
        f"virtio-net-pci,netdev=n0,mac={parts.mac}{_rank(parts, BootDevice.NETWORK)}",
    )
    cable = (
        f"vde,id=n1,sock={_escaped(parts.segment)}" if parts.segment else "hubport,id=n1,hubid=1"
    )
    yield from ("-netdev", cable)
    yield from ("-device", f"virtio-net-pci,netdev=n1,mac={data_mac(parts.mac)},romfile=")


def _managed(parts: Parts) -> Iterator[str]:
    if not parts.dhcp:
        yield from ("hubport", "id=n0", "hubid=0")
        return
    address, port = parts.ssh
    yield from ("user", "id=n0", f"tftp={_escaped(parts.tftp)}", "bootfile=boot.ipxe")
    yield f"hostfwd=tcp:{address}:{port}-:22"
    if parts.identity:
        told = shlex.join(["cat", str(parts.identity)]).replace(",", ",,")
        yield f"guestfwd=tcp:{IDENTITY}-cmd:{told}"


def _boot(parts: Parts) -> Iterator[str]:
    if not parts.shape.uefi:
        yield from ("-boot", "order=n" if parts.device is BootDevice.NETWORK else "order=c")
    elif parts.variables:
        yield from ("-drive", f"if=pflash,format=raw,readonly=on,file={OVMF_CODE}")
        yield from ("-drive", f"if=pflash,format=raw,file={_escaped(parts.variables)}")
    if parts.incoming:
        yield from ("-incoming", "defer")


def _rank(parts: Parts, device: BootDevice) -> str:
    """UEFI knows no `-boot order`: devices carry their rank."""
    if not parts.shape.uefi:
        return ""
    first = BootDevice.NETWORK if parts.device is BootDevice.NETWORK else BootDevice.DISK
    return f",bootindex={1 if device is first else 2}"


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")
