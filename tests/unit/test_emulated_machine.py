"""What an emulated machine is plugged together from, and what its bay holds."""

import math
from pathlib import Path

import pytest

from orchestrator.config import labfile as config
from orchestrator.lab.board import BootDevice
from orchestrator.lab.labdir import LabState, NodeDir
from orchestrator.lab.qemu import bay
from orchestrator.lab.qemu.bay import Bay, Content
from orchestrator.lab.qemu.command import Parts, command
from orchestrator.lab.shape import Shape, data_mac, parse
from orchestrator.model.errors import ConfigError


def parts(folder: Path, **changes: object) -> Parts:
    given = {
        "name": "n01",
        "mac": "52:54:00:40:00:01",
        "shape": Shape(),
        "disk": folder / "disk.qcow2",
        "tftp": folder / "tftp",
        "device": BootDevice.NETWORK,
        "ssh": ("127.64.2.1", 2222),
        "monitor": 7,
    }
    return Parts(**{**given, **changes})  # type: ignore[arg-type]


def test_the_first_card_boots_and_the_second_is_on_the_segment(tmp_path: Path) -> None:
    words = command(parts(tmp_path, segment=tmp_path / "segment"))
    joined = " ".join(words)
    assert "hostfwd=tcp:127.64.2.1:2222-:22" in joined
    assert "virtio-net-pci,netdev=n0,mac=52:54:00:40:00:01" in words
    assert f"vde,id=n1,sock={tmp_path}/segment" in words
    assert f"virtio-net-pci,netdev=n1,mac={data_mac('52:54:00:40:00:01')},romfile=" in words
    assert words[words.index("-boot") + 1] == "order=n"


def test_without_dhcp_nothing_answers_on_the_first_card(tmp_path: Path) -> None:
    joined = " ".join(command(parts(tmp_path, dhcp=False)))
    assert "user,id=n0" not in joined
    assert "netdev=n0" in joined


def test_uefi_ranks_devices_and_keeps_its_own_variables(tmp_path: Path) -> None:
    variables = tmp_path / "variables.fd"
    for device, first in ((BootDevice.NETWORK, "netdev=n0"), (BootDevice.DISK, "virtio-blk")):
        words = command(parts(tmp_path, shape=Shape(uefi=True), device=device, variables=variables))
        (ranked,) = (word for word in words if word.endswith("bootindex=1"))
        assert first in ranked
        assert any(str(variables) in word for word in words)


def test_a_comma_in_a_path_is_not_an_option(tmp_path: Path) -> None:
    words = command(parts(tmp_path, disk=tmp_path / "a,b.qcow2"))
    assert any("a,,b.qcow2" in word for word in words)


def test_a_bay_is_empty_until_something_is_laid(tmp_path: Path) -> None:
    folder = NodeDir(lab=tmp_path, number=1)
    folder.root.mkdir(parents=True)
    assert bay.read(folder) == Bay()
    bay.disk(folder).write_text("the old disk")
    laid = Bay(content=Content.CLONE, golden="/images/k", identity="home=http://x name=n01")
    bay.lay(folder, laid)
    assert bay.read(folder) == laid
    assert not bay.disk(folder).exists()
    assert (folder.root / "bay.json").stat().st_mode & 0o777 == 0o600


def test_a_shape_is_read_as_it_is_written() -> None:
    shape = Shape(memory_mib=768, processors=1, disk_gib=4, uefi=True)
    assert parse(shape.text()) == shape
    state = LabState(
        subnet=64,
        nodes=3,
        speed=math.inf,
        boot_url="",
        supervisor=1,
        started=1,
        emulated=shape.text(),
    )
    assert state.matches(3, math.inf, shape)
    assert not state.matches(3, math.inf, None)


def lab_file(folder: Path, text: str) -> Path:
    path = folder / "lab.toml"
    path.write_text(text)
    return path


def test_an_emulated_lab_brings_what_its_images_leave_out(tmp_path: Path) -> None:
    text = '[emulated]\nnodes = 2\nboot = ["image", "clone"]\n[images.small]\npackages = ["curl"]\n'
    lab = config.load(lab_file(tmp_path, text))
    assert lab.emulated
    assert lab.emulated.boot == ("image", "clone")
    assert (lab.images["small"].kernel, lab.images["small"].mirror_host) == ("", "")
    assert lab.images["small"].suite == "bookworm"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[emulated]\nboot = 'floppy'\n", 2, "boot` is `floppy`"),
        ("[emulated]\nmemory = 64\n", 2, "256"),
        ("[emulated]\nmachines = 2\n", 2, "machines"),
        ("[images.small]\nsuite = 'bookworm'\n", 1, "mirror"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = lab_file(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        config.load(path)
    assert str(raised.value).startswith(f"{path}:{line}: ")
    assert words in str(raised.value)
