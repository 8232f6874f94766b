"""FAI's environment as one initial RAM disk, and the base file that it unpacks: built, kept.

No NFS and no root on the server: the RAM disk is itself the root that FAI runs in. mmdebstrap
builds both as root, or as an ordinary user in a user namespace; packages come signed.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab.qemu import cpio
from orchestrator.lab.qemu.archive import KEYRING
from orchestrator.lab.qemu.mmdebstrap import Recipe, build
from orchestrator.model.errors import ConfigError

_INIT = Path(__file__).parent / "fai" / "init"
_KERNEL, _INITRD, _BASE = "linux", "initrd.zst", "base.tar.zst"
_ROOT = (
    *("fai-nfsroot", "udev", "kmod", "sysvinit-core", "curl", "zstd", "iproute2"),
    *("dosfstools", "lvm2", "mdadm", "fdisk", "gdisk"),
)
#: as small as what the preseed installs, with what Ansible needs, and what sealing an image does
_SYSTEM = (
    *("grub-pc", "openssh-server", "python3", "systemd-sysv", "udev", "kmod", "dbus"),
    *("ifupdown", "isc-dhcp-client", "iproute2", "netbase", "procps", "ca-certificates"),
    *("busybox", "zstd"),
)
#: what the installed kernel's own RAM disk can boot from; without a list it holds every driver
_DISKS = ("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "ahci", "nvme", "ext4")
_ROOT_SETUP = ('touch "$1/.THIS_IS_THE_FAI_NFSROOT"',)
_BASE_SETUP = (
    'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"',
    'echo MODULES=list >"$1/etc/initramfs-tools/conf.d/disks"',
    f'printf "%s\\n" {" ".join(_DISKS)} >"$1/usr/share/initramfs-tools/modules.d/disks"',
)
#: nobody reads these while FAI runs
_UNREAD = (
    "usr/lib/syslinux/",
    "usr/lib/PXELINUX/",
    "usr/lib/SYSLINUX.EFI/",
    "usr/lib/udev/hwdb",
    "usr/lib/x86_64-linux-gnu/gconv/",
    "usr/lib/x86_64-linux-gnu/perl/5.36.0/CORE/",
    "usr/share/zoneinfo/",
    "usr/share/bash-completion/",
    "var/cache/",
    "var/lib/dpkg/info/",
    "dev/",
)
#: of the kernel's drivers, those that an install needs
_DRIVERS = (
    "arch/x86/crypto/",
    "crypto/",
    "lib/",
    "net/core/",
    *(
        f"drivers/{kind}/"
        for kind in (
            *("ata", "block", "char", "dca", "i2c", "md", "message", "net", "nvme", "pps", "ptp"),
            *("scsi", "usb", "virtio"),
        )
    ),
    *(f"fs/{kind}" for kind in ("ext4/", "fat/", "jbd2/", "mbcache", "nls/", "xfs/")),
)
_MODULES = "usr/lib/modules/"
#: what makes a Debian root FAI's: its first program, and `fai` by the name that installs
_START = (
    cpio.Entry(path="init", mode=0o100755, data=_INIT.read_bytes()),
    cpio.Entry(path="etc/init.d/rcS", mode=0o120777, data=b"/usr/sbin/fai"),
    cpio.Entry(path="etc/hosts", mode=0o100644, data=b"127.0.0.1 localhost\n"),
    # the package's own asks for logs to be sent to an account `fai` on the server
    cpio.Entry(path="etc/fai/fai.conf", mode=0o100644, data=b"LOGUSER=\nFAI_LOGPROTO=none\n"),
    cpio.Entry(path="dev/console", mode=0o020600, device=(5, 1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaiRoot:
    """Files that a node installed by FAI fetches."""

    kernel: Path
    #: the root that FAI runs in
    initrd: Path
    #: the system that it unpacks, with kernel, boot loader and SSH
    base: Path


def prepare(
    cache: Path,
    *,
    mirror: str,
    suite: str = "bookworm",
    kernel: str = "linux-image-cloud-amd64",
    say: Callable[[str], None],
    seconds: float,
) -> FaiRoot:
    """Return the files, built from `mirror` (an URL) unless `cache` has them already.

    Keyed by all that goes into them, packages by name: remove the folder for newer ones. A kill
    leaves a draft, which the next build removes. Raises `ConfigError` with what to do.
    """
    end = time.monotonic() + seconds
    root = Recipe(
        suite=suite,
        mirror=mirror,
        variant="essential",
        packages=_ROOT,
        setup=_ROOT_SETUP,
    )
    base = Recipe(
        suite=suite,
        mirror=mirror,
        variant="minbase",
        packages=(kernel, *_SYSTEM),
        setup=_BASE_SETUP,
    )
    inputs = repr((root, base, _UNREAD, _DRIVERS, _START))
    folder = cache / f"fai-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        _needs("mmdebstrap", "zstd")
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache, end):
            if not folder.is_dir():
                _make(folder, root, base, say, end)
    return FaiRoot(kernel=folder / _KERNEL, initrd=folder / _INITRD, base=folder / _BASE)


def _needs(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        advice = f"type: apt-get install {' '.join(missing)}"
        raise ConfigError(f"FAI's root is built by {' and '.join(missing)}; {advice}")
    if not KEYRING.is_file():
        advice = "type: apt-get install debian-archive-keyring"
        raise ConfigError(f"no keys of the Debian archive in {KEYRING}; {advice}")


@contextmanager
def _alone(cache: Path, end: float) -> Iterator[None]:
    """Wait until nobody else builds here; what a killed build left is removed."""
    with (cache / ".fai.lock").open("w") as lock:
        while not _locked(lock.fileno()):
            if time.monotonic() > end:
                msg = f"another process still builds FAI's root in {cache}; wait for it"
                raise ConfigError(msg)
            time.sleep(0.5)
        for draft in cache.glob(".fai-*"):
            shutil.rmtree(draft)
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(folder: Path, root: Recipe, base: Recipe, say: Callable[[str], None], end: float) -> None:
    draft = Path(tempfile.mkdtemp(prefix=".fai-", dir=folder.parent))
    say("building FAI's base file (once, about a minute)")
    build(base, draft / "base.tar", end)
    say("building FAI's root (once, about a minute)")
    build(root, draft / "root.tar", end)
    say("packing FAI's root and base file")
    with tarfile.open(draft / "base.tar") as system, tarfile.open(draft / "root.tar") as archive:
        (draft / _KERNEL).write_bytes(_kernel(system))
        with (draft / "initrd").open("wb") as file:
            cpio.write((*_root(archive), *_drivers(system), *_START), file)
    _compress(draft / "initrd", draft / _INITRD, end)
    _compress(draft / "base.tar", draft / _BASE, end)
    (draft / "root.tar").unlink()
    draft.chmod(0o755)
    draft.rename(folder)


def _kernel(system: tarfile.TarFile) -> bytes:
    names = sorted(name for name in system.getnames() if name.startswith("./boot/vmlinuz-"))
    if not names:
        raise ConfigError("the base file has no kernel in /boot; name another kernel package")
    return _data(system, system.getmember(names[-1]))


def _root(archive: tarfile.TarFile) -> Iterator[cpio.Entry]:
    for member in archive:
        path = member.name.removeprefix("./")
        if not path.startswith(_UNREAD):
            yield _entry(archive, member, path)


def _drivers(system: tarfile.TarFile) -> Iterator[cpio.Entry]:
    for member in system:
        path = member.name.removeprefix("./")
        if not path.startswith(_MODULES) or not member.isfile():
            continue
        # VERSION/kernel/drivers/..., or a table such as VERSION/modules.dep
        kept = path.removeprefix(_MODULES).partition("/")[2]
        if kept.startswith("modules.") or kept.removeprefix("kernel/").startswith(_DRIVERS):
            yield _entry(system, member, path)


_KINDS = {
    tarfile.REGTYPE: 0o100000,
    tarfile.LNKTYPE: 0o100000,
    tarfile.DIRTYPE: 0o040000,
    tarfile.SYMTYPE: 0o120000,
    tarfile.CHRTYPE: 0o020000,
}


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> cpio.Entry:
    data = b""
    if member.isfile() or member.islnk():
        data = _data(archive, member)
    elif member.issym():
        data = member.linkname.encode()
    return cpio.Entry(
        path=path.rstrip("/"),
        mode=_KINDS[member.type] | member.mode,
        data=data,
        device=(member.devmajor, member.devminor) if member.ischr() else (0, 0),
    )


def _data(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def _compress(source: Path, target: Path, end: float) -> None:
    """Replace `source` by `target`, in the compression that unpacks fastest."""
    command = ["zstd", "--quiet", "--threads=0", "-10", "--rm", str(source), "-o", str(target)]
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=max(end - time.monotonic(), 0.1),
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"packing {source.name} ran out of time; try again") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise ConfigError(f"packing {source.name} failed: {said}; is the disk full?") from None
