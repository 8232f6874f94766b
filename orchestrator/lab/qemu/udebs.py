"""The installer's components (udebs): which an unattended install needs, and what is in them."""

import re
import stat
import subprocess
import tarfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from orchestrator.lab.qemu.archive import Stanza
from orchestrator.lab.qemu.cpio import Entry
from orchestrator.model.errors import ConfigError

#: what the steps of an install are done by; all else follows from their dependencies
WANTED = (
    "base-installer",
    "bootstrap-base",
    "finish-install",
    "apt-setup-udeb",
    "clock-setup",
    "grub-installer",
    "partman-auto",
    "partman-base",
    "partman-efi",
    "partman-ext3",
    "pkgsel",
    "user-setup-udeb",
)
#: needed by nothing that a machine which is wiped anyway can have
_UNUSED = frozenset({"ntfs-3g-udeb", "libbrlapi-udeb"})
#: mirrors lack some components, whose programs are in ordinary packages of the same version
REPACKED: Mapping[str, tuple[str, ...]] = {
    "e2fsprogs-udeb": ("e2fsprogs", "libext2fs2t64", "libcom-err2", "libss2", "libuuid1"),
    "dosfstools-udeb": ("dosfstools",),
    "dmidecode-udeb": ("dmidecode",),
    "libmount1-udeb": ("libmount1",),
    "libblkid1-udeb": ("libblkid1",),
    "libuuid1-udeb": ("libuuid1",),
    "libdevmapper1.02.1-udeb": ("libdevmapper1.02.1", "dmsetup"),
    "libparted2-udeb": ("libparted2t64",),
    "libparted-fs-resize0-udeb": ("libparted-fs-resize0t64",),
    "libbsd0-udeb": ("libbsd0",),
    "libmd0-udeb": ("libmd0",),
    "libfuse3-4-udeb": ("libfuse3-4",),
    "fuse3-udeb": ("fuse3",),
    "grub-mount-udeb": ("grub-mount-udeb",),
}
_REPACKED_PARTS = re.compile(r"usr/s?bin/.+|usr/lib/x86_64-linux-gnu/lib[^/]+\.so[^/]*|etc/[^/]+")
_TRANSLATION = re.compile(r"[A-Za-z_]+-(?!C:)[a-z]{2,3}(?:[_@][A-Za-z]+)*(?:\.UTF-8)?:")
_MERGED = re.compile(r"(bin|sbin|lib|lib64)/")
INFO = "var/lib/dpkg/info"


def closure(
    components: Mapping[str, Stanza], present: Collection[Stanza], wanted: Collection[str]
) -> tuple[Stanza, ...]:
    """Return `wanted` and all that they need and that is not `present`.

    Kernel modules are none of it. Raises `ConfigError` when the index lacks one.
    """
    have = set(_UNUSED)
    for stanza in present:
        have.update((stanza.package, *stanza.provides))
    chosen: list[Stanza] = []
    for name in wanted:
        chosen.append(_choose(components, name))
        have.update((name, *chosen[-1].provides))
    for stanza in chosen:  # grows meanwhile
        for choices in stanza.depends:
            if have.isdisjoint(choices) and not choices[0].endswith("-modules"):
                chosen.append(_choose(components, choices[0]))
                have.update((chosen[-1].package, *chosen[-1].provides))
    return tuple(chosen)


def _choose(components: Mapping[str, Stanza], name: str) -> Stanza:
    """Return the component of that name, or else the first that stands for it."""
    if name in components:
        return components[name]
    for stanza in components.values():
        if name in stanza.provides:
            return stanza
    raise ConfigError(f"the installer needs {name}, which the mirror's index does not list")


def unpack(file: Path, stanza: Stanza) -> Iterator[Entry]:
    """Yield what a component puts into the installer, its scripts and questions included."""
    yield from contents(file)
    for entry in _tar(file, "--ctrl-tarfile"):
        if stat.S_ISREG(entry.mode) and entry.path != "control" and entry.path != "md5sums":
            data = english(entry.data) if entry.path == "templates" else entry.data
            path = f"{INFO}/{stanza.package}.{entry.path}"
            yield Entry(path=path, mode=entry.mode, data=data)


def contents(file: Path) -> Iterator[Entry]:
    """Yield the files of a package, where a system with merged /usr has them."""
    yield from _tar(file, "--fsys-tarfile")


def repacked(files: Collection[Path]) -> Iterator[Entry]:
    """Yield the programs and libraries of ordinary packages, without what only people need."""
    for file in files:
        for entry in contents(file):
            if _REPACKED_PARTS.fullmatch(entry.path) and not stat.S_ISDIR(entry.mode):
                yield entry


def status(stanza: Stanza) -> str:
    """Return a component's stanza for the installer's list of what it has unpacked."""
    kept = "Version|Provides|Depends|Description|Installer-Menu-Item|Kernel-Version"
    lines = [line for line in stanza.text.splitlines() if re.match(f"({kept}):", line)]
    return "\n".join([f"Package: {stanza.package}", "Status: install ok unpacked", *lines, ""])


def english(templates: bytes) -> bytes:
    """Return debconf templates without their translations, which take seconds to load."""
    kept: list[str] = []
    dropping = False
    for line in templates.decode(errors="surrogateescape").split("\n"):
        if not line.startswith((" ", "\t")):
            dropping = _TRANSLATION.match(line) is not None
        if not dropping:
            kept.append(line)
    return "\n".join(kept).encode(errors="surrogateescape")


def _tar(file: Path, part: str) -> Iterator[Entry]:
    command = ["dpkg-deb", part, str(file)]
    with (
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tar,
    ):
        for member in tar:
            yield from _entry(tar, member)


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[Entry]:
    path = member.name.removeprefix("./").strip("/")
    path = _MERGED.sub(r"usr/\1/", path, count=1) if _MERGED.match(path) else path
    if member.isdir():
        if path not in {"", ".", "bin", "sbin", "lib", "lib64"}:
            yield Entry(path=path, mode=stat.S_IFDIR | member.mode)
    elif member.issym():
        yield Entry(path=path, mode=stat.S_IFLNK | 0o777, data=member.linkname.encode())
    elif member.isfile():
        opened = tar.extractfile(member)
        data = opened.read() if opened else b""
        yield Entry(path=path, mode=stat.S_IFREG | member.mode, data=data)
