"""What apt's checks and ours let through, against a small archive that is signed here."""

import gzip
import hashlib
import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from orchestrator.lab.qemu import udebs
from orchestrator.lab.qemu.archive import Archive, updated
from orchestrator.model.errors import ConfigError

PROGRAMS = ("gpg", "dpkg-deb", "apt-get")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason=f"needs the programs {' '.join(MISSING)}"),
]
SUITE = "stable"
INDEXES = ("main", "main/debian-installer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A signed archive of two packages, one of them a component of the installer."""

    folder: Path
    keyring: Path
    home: Path
    url: str

    def path(self, package: str) -> Path:
        return next((self.folder / "pool").glob(f"{package}_*"))

    def publish(self) -> None:
        """Write the indexes of what is in the pool, and sign them."""
        lines = []
        for component in INDEXES:
            suffix = "udeb" if "/" in component else "deb"
            index = self.folder / "dists" / SUITE / component / "binary-amd64" / "Packages.gz"
            index.parent.mkdir(parents=True, exist_ok=True)
            files = sorted((self.folder / "pool").glob(f"*.{suffix}"))
            text = "\n".join(self._stanza(file) for file in files)
            plain = f"{component}/binary-amd64/Packages"
            index.write_bytes(gzip.compress(text.encode()))
            for name, data in ((f"{plain}.gz", index.read_bytes()), (plain, text.encode())):
                lines.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}")
        release = f"Suite: {SUITE}\nCodename: {SUITE}\nArchitectures: amd64\nComponents: main\n"
        release += "Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n" + "\n".join(lines) + "\n"
        self.sign(release)

    def sign(self, release: str) -> None:
        gpg(self.home, "--clearsign", "--yes", "--output", str(self.inrelease), text=release)

    @property
    def inrelease(self) -> Path:
        return self.folder / "dists" / SUITE / "InRelease"

    def _stanza(self, file: Path) -> str:
        control = subprocess.run(
            ["dpkg-deb", "--field", str(file)], capture_output=True, text=True, check=True
        ).stdout
        data = file.read_bytes()
        extra = f"Filename: pool/{file.name}\nSize: {len(data)}\n"
        return f"{control}{extra}SHA256: {hashlib.sha256(data).hexdigest()}\n"


def gpg(home: Path, *words: str, text: str = "") -> None:
    quiet = ("--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
    subprocess.run(
        ["gpg", "--homedir", str(home), *quiet, *words],
        input=text.encode(),
        check=True,
        timeout=60,
    )


def package(folder: Path, name: str, version: str, suffix: str) -> None:
    tree = folder.parent / "trees" / name
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: a <a@b.c>\n"
        f"Description: {name}\n"
    )
    (tree / "DEBIAN/postinst").write_text("#!/bin/sh\nexit 0\n")
    (tree / "DEBIAN/postinst").chmod(0o755)
    (tree / "lib").mkdir()
    (tree / "lib" / f"{name}.txt").write_text("x" * 5000)
    plain = version.partition(":")[2] or version
    file = folder / f"{name}_{plain}_amd64.{suffix}"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    home, folder = tmp_path / "gnupg", tmp_path / "mirror"
    home.mkdir(mode=0o700)
    (folder / "pool").mkdir(parents=True)
    gpg(home, "--quick-generate-key", "lab@example.com", "ed25519", "sign", "never")
    keyring = tmp_path / "keyring.gpg"
    gpg(home, "--output", str(keyring), "--export")
    package(folder / "pool", "tool", "1:2+b1", "deb")
    package(folder / "pool", "part-udeb", "3", "udeb")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    made = Mirror(folder=folder, keyring=keyring, home=home, url=url)
    made.publish()
    yield made
    server.shutdown()
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@pytest.fixture
def archive(mirror: Mirror, tmp_path: Path) -> Archive:
    return Archive(
        tmp_path / "apt", mirror=mirror.url, suite=SUITE, seconds=60, keyring=mirror.keyring
    )


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_packages_and_components_are_fetched_and_unpacked(archive: Archive) -> None:
    archive.update()
    tool = archive.packages({"tool", "unknown"})
    assert list(tool) == ["tool"]
    fetched = archive.fetch(tuple(tool.values()))
    assert list(fetched) == ["tool"]
    part = archive.components()["part-udeb"]
    file = archive.fetch([part])["part-udeb"]
    entries = {entry.path: entry for entry in udebs.unpack(file, part)}
    assert entries["usr/lib/part-udeb.txt"].data == b"x" * 5000
    assert entries["var/lib/dpkg/info/part-udeb.postinst"].data.startswith(b"#!/bin/sh")
    assert "var/lib/dpkg/info/part-udeb.control" not in entries


def test_what_the_mirror_lacks_is_left_out(mirror: Mirror, archive: Archive) -> None:
    archive.update()
    mirror.path("part-udeb").unlink()
    assert archive.fetch([archive.components()["part-udeb"]]) == {}


def test_a_flipped_byte_of_a_package_is_refused(mirror: Mirror, archive: Archive) -> None:
    archive.update()
    flip(mirror.path("part-udeb"))
    with pytest.raises(ConfigError, match=r"E: Failed to fetch .*Hash Sum mismatch"):
        archive.fetch([archive.components()["part-udeb"]])


def test_a_flipped_byte_of_a_kept_file_is_refused_once(mirror: Mirror, archive: Archive) -> None:
    archive.update()
    part = archive.components()["part-udeb"]
    flip(archive.fetch([part])["part-udeb"])
    with pytest.raises(ConfigError, match="not what the signed index says"):
        archive.fetch([part])
    assert archive.fetch([part])["part-udeb"].read_bytes() == mirror.path("part-udeb").read_bytes()


def test_a_flipped_byte_of_an_index_is_refused(mirror: Mirror, archive: Archive) -> None:
    for index in mirror.folder.rglob("Packages.gz"):
        flip(index)
    with pytest.raises(ConfigError, match="the package index of http://127"):
        archive.update()


def test_a_mirror_that_is_being_synchronised_is_read_under_its_other_name(
    mirror: Mirror, tmp_path: Path
) -> None:
    suites = mirror.folder / "dists"
    shutil.copytree(suites / SUITE, suites / "oldname")
    for index in (suites / SUITE).rglob("Packages.gz"):
        flip(index)
    where = {"mirror": mirror.url, "end": time.monotonic() + 60, "keyring": mirror.keyring}
    with pytest.raises(ConfigError, match="the package index of http://127"):
        updated(tmp_path / "alone", (SUITE,), **where)
    found = updated(tmp_path / "apt", (SUITE, "oldname"), **where)
    assert list(found.components()) == ["part-udeb"]
    with pytest.raises(ConfigError, match="has no oldname"):
        updated(tmp_path / "other", ("oldname",), **where)


def test_a_changed_list_of_indexes_is_refused(mirror: Mirror, archive: Archive) -> None:
    text = mirror.inrelease.read_text()
    mirror.inrelease.write_text(text.replace("Suite: stable", "Suite: stale"))
    with pytest.raises(ConfigError, match="the package index of http://127"):
        archive.update()


def test_another_signer_is_refused(mirror: Mirror, archive: Archive, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    gpg(other, "--quick-generate-key", "other@example.com", "ed25519", "sign", "never")
    text = mirror.inrelease.read_text().split("\n\n", 1)[1].partition("-----BEGIN PGP SIG")[0]
    command = ("--clearsign", "--yes", "--output", str(mirror.inrelease))
    gpg(other, *command, text=text)
    subprocess.run(["gpgconf", "--homedir", str(other), "--kill", "all"], check=False)
    with pytest.raises(ConfigError, match="the package index of http://127"):
        archive.update()


def test_a_mirror_that_is_down_is_said(mirror: Mirror, tmp_path: Path) -> None:
    archive = Archive(
        tmp_path / "apt",
        mirror="http://127.0.0.1:9",
        suite=SUITE,
        seconds=60,
        keyring=mirror.keyring,
    )
    with pytest.raises(ConfigError, match=r"the package index of http://127\.0\.0\.1:9: "):
        archive.update()


def test_no_time_left_is_said(mirror: Mirror, tmp_path: Path) -> None:
    archive = Archive(
        tmp_path / "apt", mirror=mirror.url, suite=SUITE, seconds=0, keyring=mirror.keyring
    )
    with pytest.raises(ConfigError, match="apt-get update ran out of time"):
        archive.update()
