"""The kernel modules that an installer needs, out of an ordinary kernel package."""

import lzma
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.lab.qemu import udebs
from orchestrator.lab.qemu.cpio import Entry
from orchestrator.model.errors import ConfigError

ROOT = "usr/lib/modules"
_SECONDS = 120.0
#: virtual machines, common disk controllers and network cards, and what a disk is formatted with
_KEPT = re.compile(
    r"drivers/(?:"
    r"virtio/virtio_(?:balloon|input|mmio).*"
    r"|block/(?:virtio_blk|xen-blkfront|loop)|char/hw_random/virtio-rng"
    r"|ata/(?:ahci|ata_piix|ata_generic|sata_[a-z0-9]+)|nvme/host/.*"
    r"|scsi/(?:sd_mod|sr_mod|virtio_scsi|vmw_pvscsi|hv_storvsc|hpsa|isci|aacraid/.*|megaraid/.*"
    r"|mpi3mr/.*|mpt3sas/.*|smartpqi/.*)|message/fusion/(?:mptsas|mptspi)"
    r"|hv/hv_vmbus|net/(?:virtio_net|hyperv/.*|vmxnet3/.*|xen-netfront)"
    r"|net/ethernet/(?:amazon|amd|aquantia|atheros|broadcom|chelsio/cxgb4|cisco|emulex|intel"
    r"|marvell|mellanox|qlogic|realtek|sfc)/.*"
    r"|usb/host/(?:[eoux]hci[-_].*)|usb/storage/(?:usb-storage|uas)|hid/(?:hid-generic|usbhid/.*)"
    r"|input/evdev|md/dm-mod"
    r")"
    r"|fs/(?:ext4/ext4|fat/.*|isofs/isofs|nls/nls_(?:ascii|cp437|iso8859-1|utf8)|efivarfs/.*)"
    r"|(?:crypto/crc32c?|arch/x86/crypto/crc32)[^/]*|lib/(?:crc|libcrc)[^/]*"
)


def kept(path: str) -> bool:
    """Return whether an install may need the module at `path`, below the folder `kernel`."""
    return _KEPT.fullmatch(path.partition(".ko")[0]) is not None


def choose(package: Path, release: str) -> tuple[Entry, ...]:
    """Return the modules that are kept and all that they need, unpacked, with their indexes.

    Raises `ConfigError` when `package` is not the kernel of that release.
    """
    base = f"{ROOT}/{release}/"
    files = {
        entry.path.removeprefix(base): entry
        for entry in udebs.contents(package)
        if entry.path.startswith(base) and stat.S_ISREG(entry.mode)
    }
    modules = {path: entry for path, entry in files.items() if ".ko" in Path(path).name}
    if not modules:
        raise ConfigError(f"{package.name} holds no modules of the kernel {release}")
    unpacked = {_plain(path): _unpacked(entry.data) for path, entry in modules.items()}
    lists = {path: e.data for path, e in files.items() if path.startswith("modules.")}
    needed = _needed(_depmod(release, unpacked | lists)["modules.dep"].decode())
    chosen = {path: data for path, data in unpacked.items() if path in needed}
    indexes = _depmod(release, chosen | lists)
    return tuple(
        Entry(path=base + path, mode=stat.S_IFREG | 0o644, data=data)
        for path, data in {**chosen, **indexes}.items()
    )


def _needed(dependencies: str) -> frozenset[str]:
    """Return the modules that are kept, and what they depend on, from a modules.dep."""
    found: set[str] = set()
    for line in dependencies.splitlines():
        path, _, needs = line.partition(":")
        if kept(path.removeprefix("kernel/")):
            found.update((path, *needs.split()))
    return frozenset(found)


def _plain(path: str) -> str:
    return path.removesuffix(".xz")


def _unpacked(data: bytes) -> bytes:
    return lzma.decompress(data) if data.startswith(b"\xfd7zXZ") else data


def _depmod(release: str, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the indexes of a folder of modules (`modules.dep` and so on)."""
    with tempfile.TemporaryDirectory(prefix="modules-") as root:
        folder = Path(root) / "lib" / "modules" / release
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        command = ["/usr/sbin/depmod", "--basedir", root, release]
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=True)
        except FileNotFoundError:
            raise ConfigError("no depmod on this host; type: apt-get install kmod") from None
        except subprocess.TimeoutExpired:
            raise ConfigError("depmod ran out of time: this host is busy; try later") from None
        return {path.name: path.read_bytes() for path in _indexes(folder)}


def _indexes(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.glob("modules.*") if path.is_file())
