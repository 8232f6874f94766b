"""The stock Debian installer for network boot, with all of its components in one RAM disk."""

import fcntl
import gzip
import hashlib
import json
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.lab.files import write_atomic
from orchestrator.lab.qemu import cpio, modules, udebs
from orchestrator.lab.qemu.archive import Archive, Stanza, parse, updated
from orchestrator.lab.qemu.cpio import Entry
from orchestrator.model.errors import ConfigError

#: whose installer it is: mirrors that keep few components keep most of this one's
INSTALLER_SUITE = "trixie"
#: what else mirrors call it: on one that is being synchronised the two differ for days
_ALIAS = "stable"
_IMAGES = "debian-installer-13-netboot-amd64"
_FOLDER = "/text/debian-installer/amd64/"
_OURS = Path(__file__).parent / "installer"
_STATUS = "var/lib/dpkg/status"
_MANIFEST = "installer.json"
_SECONDS = 300.0
#: the modules that decide what is made
_PARTS = ("netboot", "udebs", "modules", "cpio")
#: the terminal multiplexer hides the console's text behind its own; the rest is for people
_LEFT_OUT = re.compile(
    rf"{modules.ROOT}/.*|usr/bin/(?:screen|brltty|bterm)|usr/lib/brltty/.*|usr/lib/unifont\.bgf"
    r"|usr/sbin/(?:wpa_supplicant|rdnssd|dhcp6c)|usr/lib/ossl-modules/.*|usr/share/alsa/.*"
    r"|usr/lib/libasound.*|etc/brltty/.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """The files that a machine boots to be installed, and what they are for."""

    kernel: Path
    initrd: Path
    #: the release whose installer this is, and the one that it installs
    udeb_suite: str
    suite: str
    #: SHA-256 over kernel and initial RAM disk
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """What the Debian package of network boot images holds."""

    kernel: bytes
    entries: Mapping[str, Entry]

    @property
    def release(self) -> str:
        """The version of its kernel, as that calls itself."""
        for path in self.entries:
            if match := re.match(rf"{modules.ROOT}/([^/]+)/", path):
                return match[1]
        raise ConfigError(f"no kernel modules in the initial RAM disk of {_IMAGES}")

    @property
    def unpacked(self) -> tuple[Stanza, ...]:
        """The components that it comes with."""
        text = self.entries[_STATUS].data.decode()
        return tuple(parse(part) for part in text.split("\n\n") if part.strip())


def prepare(
    cache: Path,
    *,
    mirror: str,
    suite: str = "bookworm",
    say: Callable[[str], None],
    seconds: float,
) -> Installer:
    """Return the installer for `suite`, made under `cache` from packages of `mirror`.

    The first call fetches some 270 MB and takes a minute; later ones only check the files. May be
    killed at any instant, and called by several processes at once. Raises `ConfigError` when the
    mirror does not answer within `seconds` or gives out what its signed index does not list.
    """
    end = time.monotonic() + seconds
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"installer-{_recipe(mirror)[:16]}"
    with _alone(cache / "lock"):
        if found := _found(folder, suite):
            return found
        for left in cache.glob(".making-*"):
            shutil.rmtree(left, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=".making-", dir=cache))
        say("Fetching the Debian installer (once; some 270 MB)")
        names = (INSTALLER_SUITE, _ALIAS)
        _make(draft, updated(cache / "apt", names, mirror=mirror, end=end), say)
        shutil.rmtree(folder, ignore_errors=True)
        draft.chmod(0o755)
        draft.rename(folder)
        shutil.rmtree(cache / "apt", ignore_errors=True)
        made = _found(folder, suite)
    if made is None:
        raise ConfigError(f"the installer in {folder} changed while it was made; try again")
    return made


def _recipe(mirror: str) -> str:
    """Return a hash of all that decides what is made, so that a changed recipe is made anew."""
    sum_ = hashlib.sha256(f"{mirror} {INSTALLER_SUITE} {_IMAGES}".encode())
    sources = [*_OURS.iterdir(), *(Path(__file__).parent / f"{n}.py" for n in _PARTS)]
    for path in sorted(sources):
        sum_.update(path.read_bytes())
    return sum_.hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _found(folder: Path, suite: str) -> Installer | None:
    """Return the installer in `folder`, None unless its files are what was written there."""
    try:
        hashes = json.loads((folder / _MANIFEST).read_text())
        intact = all(_hash(folder / name) == expected for name, expected in hashes.items())
    except (OSError, ValueError):
        return None
    if not intact:
        return None
    return Installer(
        kernel=folder / "linux",
        initrd=folder / "initrd",
        udeb_suite=INSTALLER_SUITE,
        suite=suite,
        fingerprint=hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest(),
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _make(folder: Path, archive: Archive, say: Callable[[str], None]) -> None:
    stock = _stock(archive)
    components = archive.components()
    chosen = udebs.closure(components, stock.unpacked, udebs.WANTED)
    entries = {p: e for p, e in stock.entries.items() if not _LEFT_OUT.fullmatch(p)}
    for path, entry in entries.items():
        if path.endswith(".templates"):
            entries[path] = _file(path, udebs.english(entry.data))
    say("Unpacking its components")
    for entry in _components(archive, chosen):
        entries[entry.path] = entry
    say("Choosing kernel modules")
    for entry in _modules(archive, stock.release):
        entries[entry.path] = entry
    provider = _provider(components, stock.release)
    entries[_STATUS] = _status(stock, chosen, provider)
    for entry in _ours(components, stock, chosen):
        entries[entry.path] = entry
    say("Packing the initial RAM disk")
    (folder / "linux").write_bytes(stock.kernel)
    _pack(entries, folder / "initrd")
    hashes = {name: _hash(folder / name) for name in ("linux", "initrd")}
    write_atomic(folder / _MANIFEST, json.dumps(hashes, indent=2) + "\n")


def _stock(archive: Archive) -> _Stock:
    file = _package(archive, _IMAGES)
    found: dict[str, bytes] = {}
    for entry in udebs.contents(file):
        for name in ("linux", "initrd.gz"):
            if entry.path.endswith(_FOLDER + name):
                found[name] = entry.data
    return _Stock(kernel=found["linux"], entries=cpio.read(gzip.decompress(found["initrd.gz"])))


def _package(archive: Archive, name: str) -> Path:
    listed = archive.packages({name})
    fetched = archive.fetch(tuple(listed.values()))
    if name not in fetched:
        raise ConfigError(f"the mirror has no package {name} of {INSTALLER_SUITE}; use another")
    return fetched[name]


def _components(archive: Archive, chosen: tuple[Stanza, ...]) -> Iterator[Entry]:
    fetched = archive.fetch(chosen)
    for stanza in chosen:
        if stanza.package in fetched:
            yield from udebs.unpack(fetched[stanza.package], stanza)
            continue
        instead = udebs.REPACKED.get(stanza.package)
        if instead is None:
            raise ConfigError(f"the mirror lacks {stanza.package}, and nothing replaces it")
        yield from udebs.repacked([_package(archive, name) for name in instead])


def _modules(archive: Archive, release: str) -> tuple[Entry, ...]:
    return modules.choose(_package(archive, f"linux-image-{release}"), release)


def _provider(components: Mapping[str, Stanza], release: str) -> str:
    """Return a stanza that stands for all module components of this kernel."""
    ours = [stanza for stanza in components.values() if stanza.kernel_version == release]
    names = {name for stanza in ours for name in (stanza.package, *stanza.provides)}
    lines = (
        "Package: chosen-modules",
        "Status: install ok unpacked",
        "Version: 1",
        f"Provides: {', '.join(sorted(names))}",
        f"Description: modules of {release}",
    )
    return "\n".join((*lines, ""))


def _status(stock: _Stock, chosen: tuple[Stanza, ...], provider: str) -> Entry:
    had = stock.entries[_STATUS].data.decode().strip("\n")
    parts = (had + "\n", *(udebs.status(stanza) for stanza in chosen), provider)
    return _file(_STATUS, "\n".join(parts).encode())


def _ours(
    components: Mapping[str, Stanza], stock: _Stock, chosen: tuple[Stanza, ...]
) -> Iterator[Entry]:
    """Yield the installer's own files that are replaced, and the list of what it has."""
    names = {stanza.package for stanza in (*stock.unpacked, *chosen)} & set(components)
    listed = "\n\n".join(components[name].text for name in sorted(names))
    yield _file("usr/share/installer-components", listed.encode() + b"\n")
    for name, path in (
        ("net-retriever", "usr/lib/debian-installer/retriever/net-retriever"),
        ("debconf-set-selections", "usr/bin/debconf-set-selections"),
    ):
        yield _file(path, (_OURS / name).read_bytes(), mode=0o755)


def _file(path: str, data: bytes, *, mode: int = 0o644) -> Entry:
    return Entry(path=path, mode=stat.S_IFREG | mode, data=data)


def _pack(entries: Mapping[str, Entry], path: Path) -> None:
    plain = path.with_suffix(".cpio")
    with plain.open("wb") as file:
        cpio.write(entries.values(), file)
    command = ["zstd", "--quiet", "-9", "--rm", "-o", str(path), str(plain)]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=True)
    except FileNotFoundError:
        raise ConfigError("no zstd on this host; type: apt-get install zstd") from None
    except subprocess.TimeoutExpired:
        raise ConfigError("zstd ran out of time: this host is busy; try again later") from None
