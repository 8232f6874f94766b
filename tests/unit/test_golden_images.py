"""Golden images: their key, what nodes are offered of them, and how a RAM disk gets them."""

import hashlib
import json
import re
import secrets
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.boot.goldens import Goldens
from orchestrator.drivers.boot.image import (
    SHORT,
    CloneMethod,
    EmptyBay,
    ImageMethod,
    key,
)
from orchestrator.drivers.boot.method import Rendered
from orchestrator.drivers.boot.preseed import PreseedMethod
from orchestrator.lab.qemu import builder
from orchestrator.lab.qemu.builder import LIST
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.installing import Answer
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret

ATTEMPT = AttemptId("7/kvm-guest-flat/1")
URL = "http://10.0.2.2:8470/boot/token"
MIB = 1 << 20


class Rack:
    """Bays that note what is laid; a template is there if `cloneable`."""

    def __init__(self, *, cloneable: bool = False) -> None:
        self.laid: list[tuple[str, ...]] = []
        self.cloneable = cloneable

    def blank(self, node: Node) -> None:
        self.laid.append(("blank", node.name))

    def overlay(self, node: Node, golden: str) -> None:
        self.laid.append(("overlay", node.name, golden))

    def clone(self, node: Node, golden: str, home: str) -> bool:
        if self.cloneable:
            self.laid.append(("clone", node.name, golden, home))
        return self.cloneable


@pytest.fixture
def image(tmp_path: Path) -> Image:
    for name in ("linux", "initrd.gz"):
        (tmp_path / name).write_bytes(secrets.token_bytes(64))
    return Image(
        name="debian-12",
        suite="bookworm",
        kernel=str(tmp_path / "linux"),
        initrd=str(tmp_path / "initrd.gz"),
        mirror_host="10.0.2.2:21000",
        mirror_directory="/debian",
        packages=("busybox",),
    )


def node(provenance: Provenance = Provenance.EMULATED, *capabilities: str) -> Node:
    return Node(
        name="n01",
        mac="52:54:00:40:00:01",
        bmc=Bmc(address="127.0.0.1", port=6230, user="u", password=Secret(secrets.token_hex(4))),
        provenance=provenance,
        capabilities=frozenset(capabilities),
        address="127.0.0.1",
    )


def packed(folder: Path, key_: str) -> Path:
    """Pack a disk of 130 MiB with something at its beginning and its end."""
    if shutil.which("zstd") is None:
        pytest.skip("needs the package zstd")
    golden = folder / key_
    golden.mkdir(parents=True)
    disk = folder / "disk.raw"
    with disk.open("wb") as file:
        file.write(b"begin")
        file.truncate(130 * MIB)
        file.seek(130 * MIB - 3)
        file.write(b"end")
    builder.complete(golden, disk, "0000-root")
    return golden


def test_the_key_is_of_what_goes_into_the_install_and_not_of_where_it_is(
    image: Image, tmp_path: Path
) -> None:
    method = PreseedMethod()
    first = key(image, method)
    assert first == key(replace(image, mirror_host="mirror.lab:80"), method)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(Path(image.kernel).read_bytes())
    assert first == key(replace(image, kernel=str(elsewhere)), method)
    asked = Answer(key="vlan", value="100", source="archs/a.yaml:8")
    assert first == key(replace(image, answers=(asked,)), method), "what Debian is not asked"
    assert first == key(replace(image, role="archs/a.yaml:7"), method), "where a role was written"
    assert first != key(replace(image, packages=()), method)
    assert first != key(replace(image, suite="trixie"), method)
    assert first != key(image, method, uefi=True), "its disk is divided otherwise"
    elsewhere.write_bytes(b"another kernel")
    assert first != key(replace(image, kernel=str(elsewhere)), method)


def test_a_ram_disk_gets_the_chunks_that_hold_something_each_with_its_hash(tmp_path: Path) -> None:
    golden = packed(tmp_path, "k" * 64)
    size, *lines = (golden / LIST).read_text().splitlines()
    assert int(size) == 130 * MIB
    assert [line.split()[:2] for line in lines] == [["chunk-0000", "0"], ["chunk-0008", "128"]]
    for line in lines:
        name, _, digest = line.split()
        sum_ = hashlib.blake2b((golden / name).read_bytes(), digest_size=32).hexdigest()
        assert sum_ == digest
    argv = ["zstd", "--quiet", "-d", "--stdout", str(golden / "chunk-0008")]
    assert subprocess.run(argv, check=True, capture_output=True).stdout.endswith(b"end")
    assert json.loads((golden / "image.json").read_text())["chunks"] == [
        LIST,
        "chunk-0000",
        "chunk-0008",
    ]


def test_pieces_in_a_row_are_one_chunk_as_long_as_a_small_machine_holds_it(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    wanted = [piece * 16 * MIB + 5 for piece in (0, 2, 3, 4, 5, 6, 8)]
    with disk.open("wb") as file:
        for place in wanted:
            file.seek(place)
            file.write(b"x")
    builder.complete(tmp_path, disk, "0000-root")
    found, lengths = [], {}
    for line in (tmp_path / LIST).read_text().splitlines()[1:]:
        name, seek, _ = line.split()
        argv = ["zstd", "--quiet", "-d", "--stdout", str(tmp_path / name)]
        content = subprocess.run(argv, check=True, capture_output=True).stdout
        lengths[int(seek)] = len(content) // MIB
        found += [int(seek) * MIB + match.start() for match in re.finditer(b"x", content)]
    assert found == wanted
    assert lengths == {0: 16, 32: 64, 96: 16, 128: 0}


def test_an_image_without_its_manifest_is_none(tmp_path: Path) -> None:
    golden = packed(tmp_path, "k" * 64)
    goldens = Goldens(tmp_path)
    found = goldens.find("k" * SHORT)
    assert found
    assert found.root == "0000-root"
    assert set(found.extras()) == {LIST, "chunk-0000", "chunk-0008"}
    (golden / "image.json").unlink()
    assert goldens.find("k" * SHORT) is None
    assert goldens.find("") is None


def test_the_installer_is_offered_until_there_is_an_image(image: Image, tmp_path: Path) -> None:
    rack, installer = Rack(), PreseedMethod()
    method = ImageMethod(
        Goldens(tmp_path / "images"), installer, EmptyBay(installer, rack), rack.overlay
    )
    first = method.render(node(), image, ATTEMPT, URL)
    assert "preseed/url" in first.script
    assert rack.laid == [("blank", "n01")]
    golden = packed(tmp_path / "images", key(image, installer))
    again = method.render(node(), image, ATTEMPT, URL)
    assert again.image == f"debian-12@{golden.name[:SHORT]}"
    assert "root=UUID=0000-root" in again.script
    assert f"smoketest.home={URL}" in again.script
    assert "smoketest.disk" not in again.script
    assert rack.laid[1:] == [("overlay", "n01", str(golden))]


def test_without_a_bay_a_ram_disk_writes_the_image(image: Image, tmp_path: Path) -> None:
    installer = PreseedMethod()
    packed(tmp_path / "images", key(image, installer))
    method = ImageMethod(Goldens(tmp_path / "images"), installer, installer)
    offered = method.render(node(Provenance.PHYSICAL), image, ATTEMPT, URL)
    assert f"smoketest.disk={URL}/files" in offered.script
    assert "BOOTIF=01-52-54-00-40-00-01" in offered.script, "no other card is waited for"


def test_an_image_is_of_one_firmware(image: Image, tmp_path: Path) -> None:
    installer = PreseedMethod()
    golden = packed(tmp_path / "images", key(image, installer, uefi=True))
    method = ImageMethod(Goldens(tmp_path / "images"), installer, installer)
    bios = method.render(node(Provenance.PHYSICAL), image, ATTEMPT, URL)
    assert "preseed/url" in bios.script
    uefi = method.render(node(Provenance.PHYSICAL, "uefi"), image, ATTEMPT, URL)
    assert uefi.image == f"debian-12@{golden.name[:SHORT]}"


def test_a_clone_needs_a_template_and_is_told_where_home_is(image: Image, tmp_path: Path) -> None:
    installer = PreseedMethod()
    golden = packed(tmp_path / "images", key(image, installer))
    for cloneable in (False, True):
        rack = Rack(cloneable=cloneable)
        images = ImageMethod(Goldens(tmp_path / "images"), installer, installer, rack.overlay)
        offered: Rendered = CloneMethod(images, rack).render(node(), image, ATTEMPT, URL)
        name = f"debian-12@{golden.name[:SHORT]}"
        if cloneable:
            assert offered.image == f"{name}+memory"
            assert offered.script == "#!ipxe\nexit\n"
            assert rack.laid == [("clone", "n01", str(golden), URL)]
        else:
            assert offered.image == name
            assert rack.laid == [("overlay", "n01", str(golden))]


def test_only_an_emulated_machines_bay_is_emptied(image: Image) -> None:
    rack = Rack()
    EmptyBay(PreseedMethod(), rack).render(node(Provenance.PHYSICAL), image, ATTEMPT, URL)
    assert rack.laid == []
