"""Builds the guest from Debian's packages, once for each state of its sources.

`python -m orchestrator.lab.guest.build FOLDER` prints kernel, initial RAM disk, disk and command
line as JSON: what Glance takes as an `aki`, an `ari` and an `ami` image. Only what the guest needs
is in it: busybox, dropbear, the tools that Tempest calls, and the modules of a virtual machine.
"""

import fcntl
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from orchestrator.model.errors import ConfigError

HERE = Path(__file__).parent
FILES = HERE / "files"
KERNEL = "linux-image-cloud-amd64"
PROGRAMS = ("busybox-static", "dropbear-bin", "mount", "util-linux")
LIBRARIES = (
    *("libc6", "libcrypt1", "libtomcrypt1", "libtommath1", "libgmp10", "zlib1g"),
    *("libblkid1", "libmount1", "libselinux1", "libpcre2-8-0", "libsmartcols1", "libudev1"),
    *("libuuid1", "libtinfo6"),
)
#: where each goes in the guest, and where it is in the packages
PLACES = {
    "bin/busybox": "bin/busybox",
    "bin/lsblk": "bin/lsblk",
    "bin/mount": "bin/mount",
    "bin/umount": "bin/umount",
    "sbin/blkid": "sbin/blkid",
    "sbin/dropbear": "usr/sbin/dropbear",
    "bin/dropbearkey": "usr/bin/dropbearkey",
}
OWN = {"init": "init", "etc/dhcp": "dhcp", "bin/curl": "curl", "bin/sudo": "sudo"}
#: with what they are loaded; a userspace datapath completes no checksums
MODULES = {
    **dict.fromkeys(("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "virtio_rng"), ""),
    "virtio_net": "csum=0 gso=0",
    **dict.fromkeys(("button", "ata_piix", "ahci", "sr_mod", "isofs", "vfat", "nls_utf8"), ""),
    **dict.fromkeys(("nls_ascii", "nls_cp437", "evdev"), ""),
}
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/shells": "/bin/sh\n",
    "etc/acpi/PWRF/00000080": "#!/bin/sh\npoweroff -f\n",
}
_DISK = 1 << 20
_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The guest's parts, as files, and the kernel's command line."""

    kernel: str
    initrd: str
    disk: str
    #: an emulated timer is late on a busy host, which the kernel takes for a broken one
    command_line: str = "console=ttyS0 quiet no_timer_check"


def ready(folder: Path) -> Guest:
    """Return the guest, built below `folder` unless it is there; raise `ConfigError`."""
    sources = b"".join(path.read_bytes() for path in (Path(__file__), *sorted(FILES.iterdir())))
    home = folder / f"guest-{sha256(sources).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "guest.lock"):
        if not home.is_dir():
            _build(folder, home)
    return Guest(
        kernel=str(home / "vmlinuz"), initrd=str(home / "initrd.gz"), disk=str(home / "disk.raw")
    )


def _build(folder: Path, home: Path) -> None:
    """Build into a draft, and put it in place whole."""
    with tempfile.TemporaryDirectory(prefix="guest-new-", dir=folder) as scratch:
        packages, root, draft = (Path(scratch) / name for name in ("packages", "root", "draft"))
        for path in (packages, root, draft):
            path.mkdir()
        unpacked = _unpacked(packages)
        _lay(unpacked, root)
        _modules(unpacked, root / "modules")
        (kernel,) = (unpacked / "boot").glob("vmlinuz-*")
        shutil.copyfile(kernel, draft / "vmlinuz")
        (draft / "initrd.gz").write_bytes(_packed(root))
        (draft / "disk.raw").write_bytes(bytes(_DISK))
        draft.rename(home)


def _unpacked(folder: Path) -> Path:
    """Return a folder with the files of all packages."""
    kernel = _run(["apt-cache", "depends", KERNEL], folder).split("Depends: ")[-1].split()[0]
    _run(["apt-get", "download", "-q", kernel, *PROGRAMS, *LIBRARIES], folder)
    files = folder / "files"
    for package in sorted(folder.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(files)], folder)
    return files


def _lay(unpacked: Path, root: Path) -> None:
    """Lay the guest's programs, libraries and texts out."""
    for place, source in PLACES.items():
        _put(root / place, (unpacked / source).read_bytes())
    for place, name in OWN.items():
        _put(root / place, (FILES / name).read_bytes())
    for place, text in TEXTS.items():
        _put(root / place, text.encode())
    (root / "bin" / "sh").symlink_to("busybox")
    for folder in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"):
        for library in sorted((unpacked / folder).glob("*.so*")):
            _put(root / "lib" / "x86_64-linux-gnu" / library.name, library.read_bytes())
    (loader,) = (unpacked / "lib64").glob("ld-linux-*")
    _put(root / "lib64" / loader.name, (root / "lib/x86_64-linux-gnu" / loader.name).read_bytes())


def _modules(unpacked: Path, target: Path) -> None:
    """Lay the modules out with the order in which they are loaded."""
    (base,) = (unpacked / "lib" / "modules").iterdir()
    _run(["/usr/sbin/depmod", "--basedir", str(unpacked), base.name], unpacked)
    listed = (line.partition(":") for line in (base / "modules.dep").read_text().splitlines())
    needs = {
        Path(path).name.partition(".")[0]: (path, needed.split()) for path, _, needed in listed
    }
    order: dict[str, str] = {}
    for name, options in MODULES.items():
        if name in needs:  # what this kernel has built in is no module
            path, first = needs[name]
            for each in (*reversed(first), path):
                order.setdefault(each, options if each == path else "")
    target.mkdir()
    for path in order:
        shutil.copyfile(base / path, target / Path(path).name)
    lines = (f"{Path(path).name} {options}".strip() for path, options in order.items())
    (target / "order").write_text("".join(f"{line}\n" for line in lines))


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if data[:2] == b"#!" or data[:4] == b"\x7fELF" else 0o644)


def _packed(root: Path) -> bytes:
    names = "\n".join(sorted(str(path.relative_to(root)) for path in root.rglob("*")))
    argv = ["cpio", "--quiet", "--create", "--format=newc", "--owner=0:0", "--reproducible"]
    try:
        done = subprocess.run(
            argv, cwd=root, input=names.encode(), capture_output=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        msg = f"the guest cannot be packed: {error}; type: apt-get install cpio"
        raise ConfigError(msg) from error
    return gzip.compress(done.stdout, 9, mtime=0)


def _run(argv: Sequence[str], folder: Path) -> str:
    try:
        done = subprocess.run(
            argv, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"the guest cannot be built: {error}; it needs apt, dpkg, kmod and cpio"
        raise ConfigError(msg) from error
    if done.returncode:
        words = (done.stderr.strip() or str(done.returncode)).splitlines()
        msg = f"the guest cannot be built: {argv[0]}: {words[-1]}; is `apt-get update` due?"
        raise ConfigError(msg)
    return done.stdout


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep every other process out meanwhile."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    print(json.dumps(asdict(ready(Path(sys.argv[1])))))
