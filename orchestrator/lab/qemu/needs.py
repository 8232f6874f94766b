"""What this host must have for emulated machines, and the one line that installs the rest."""

import os
import shutil
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab.qemu import redfish
from orchestrator.lab.qemu.archive import KEYRING
from orchestrator.lab.qemu.command import OVMF_CODE, OVMF_VARS
from orchestrator.model.errors import ConfigError

#: ordinary users have no sbin in their PATH, yet may run what is there
_SYSTEM_PATH = ":/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A program or file, and the Debian package that brings it."""

    #: the name of a program, or the whole path of a file
    what: str
    package: str
    purpose: str

    @property
    def found(self) -> str:
        """Where it is, empty if it is missing."""
        path = f"{os.environ.get('PATH', os.defpath)}{_SYSTEM_PATH}"
        if self.what.startswith("/"):
            return self.what if Path(self.what).is_file() else ""
        return shutil.which(self.what, path=path) or ""


#: of every emulated machine
ALWAYS = (
    Need(what="qemu-system-x86_64", package="qemu-system-x86", purpose="the machines"),
    Need(what="qemu-img", package="qemu-utils", purpose="their disks"),
    Need(what="/usr/share/seabios/bios-256k.bin", package="seabios", purpose="their firmware"),
    Need(
        what="/usr/lib/ipxe/qemu/pxe-virtio.rom", package="ipxe-qemu", purpose="their network boot"
    ),
    Need(what="vde_switch", package="vde2", purpose="the network between them"),
    Need(what="apt-cacher-ng", package="apt-cacher-ng", purpose="their packages, fetched once"),
    Need(what="zstd", package="zstd", purpose="packs the installer"),
    Need(what="depmod", package="kmod", purpose="the installer's kernel modules"),
    Need(what="apt-get", package="apt", purpose="fetches the installer"),
    Need(what="dpkg-deb", package="dpkg", purpose="unpacks the installer"),
    Need(what=str(KEYRING), package="debian-archive-keyring", purpose="checks what is fetched"),
    Need(what="ssh-keygen", package="openssh-client", purpose="keys of images"),
)
_UEFI = "machines with UEFI"
UEFI = (
    Need(what=str(OVMF_CODE), package="ovmf", purpose=_UEFI),
    Need(what=str(OVMF_VARS), package="ovmf", purpose=_UEFI),
    Need(what="/usr/lib/ipxe/qemu/efi-virtio.rom", package="ipxe-qemu", purpose=_UEFI),
)
FAI = (Need(what="mmdebstrap", package="mmdebstrap", purpose="images that FAI installs"),)
#: what brings Redfish, into the interpreter that runs us
SUSHY = f"{sys.executable} -m pip install sushy-tools"
#: mmdebstrap as an ordinary user
FAI_UNPRIVILEGED = (Need(what="newuidmap", package="uidmap", purpose="images that FAI installs"),)


def fai() -> tuple[Need, ...]:
    """Return what images need that FAI installs."""
    return FAI if os.geteuid() == 0 else (*FAI, *FAI_UNPRIVILEGED)


def missing(needs: Iterable[Need]) -> tuple[Need, ...]:
    """Return those that this host lacks."""
    return tuple(need for need in needs if not need.found)


def line(lacking: Iterable[Need]) -> str:
    """Return the one line that installs what is missing, empty for nothing."""
    packages = dict.fromkeys(need.package for need in lacking)
    return f"sudo apt-get install {' '.join(packages)}" if packages else ""


def require(*, uefi: bool, redfish_bmcs: bool, methods: Collection[str]) -> None:
    """Raise `ConfigError` with the line to type if anything is missing for such machines."""
    wanted = (*ALWAYS, *(UEFI if uefi else ()), *(fai() if "fai" in methods else ()))
    if lacking := missing(wanted):
        names = ", ".join(need.what for need in lacking)
        raise ConfigError(f"emulated machines need {names}; type: {line(lacking)}")
    if redfish_bmcs and not redfish.available():
        advice = f'type: {SUSHY}, or write power = "ipmi"'
        raise ConfigError(f"BMCs that speak Redfish are sushy-tools'; {advice}")
