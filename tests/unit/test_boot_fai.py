"""FAI's boot script and a node's part of the config space, and what is refused before power-on."""

import io
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.boot import configspace, diskconfig, nodepart
from orchestrator.drivers.boot.fai import FaiMethod
from orchestrator.drivers.boot.image import key
from orchestrator.drivers.boot.rendering import TEMPLATES
from orchestrator.model.errors import ConfigError
from orchestrator.model.ids import AttemptId
from orchestrator.model.image import Image
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret

ATTEMPT = AttemptId("r1.kvm-flat.1")
URL = "http://192.0.2.1:8080/boot/token"
KNOWN = frozenset({"DEFAULT", "LINUX", "LAST", "SMOKETEST", "GRUB", "OFFLINE"})
LAYOUT = """\
disk_config disk1 disklabel:msdos bootable:1 fstabkey:uuid align-at:1M
primary / 900- ext4 rw,noatime
"""
PART = f"""\
# what n1 is
=== class/n1
SMOKETEST GRUB
=== class/n1.var
MIRROR=http://192.0.2.1/debian
WORDS="two words"
=== disk_config/n1
{LAYOUT}
=== package_config/n1
PACKAGES install-norec
openssh-server libstdc++6 tmux=3.3a-3
"""


@pytest.fixture
def node() -> Node:
    bmc = Bmc(address="127.0.0.1", port=6230, user="lab", password=Secret("none"))
    return Node(
        name="n1",
        mac="52:54:00:00:00:01",
        bmc=bmc,
        provenance=Provenance.EMULATED,
        capabilities=frozenset({"x86_64"}),
        address="127.0.0.1",
    )


@pytest.fixture
def image(tmp_path: Path) -> Image:
    config = configspace.kept(tmp_path / "cache")
    return Image(
        name="bookworm-fai",
        suite="bookworm",
        kernel="linux",
        initrd="initrd",
        mirror_host="192.0.2.1:3142",
        mirror_directory="/debian",
        method="fai",
        extras=(("config.tar", str(config)), ("base.tar.zst", "base.tar.zst")),
    )


def test_what_differs_between_nodes_is_on_the_command_line_and_in_the_answers(
    node: Node, image: Image
) -> None:
    rendered = FaiMethod().render(node, image, ATTEMPT, URL)
    kernel = next(line for line in rendered.script.splitlines() if line.startswith("kernel "))
    words = kernel.split()
    assert words[1] == f"{URL}/linux"
    assert "hostname=n1" in words
    assert f"FAI_CONFIG_SRC={URL}/files/config.tar" in words
    assert f"BOOT_URL={URL}" in words
    assert "BOOTIF=${net0/mac}" in words
    assert rendered.script.splitlines()[-2:] == [f"initrd {URL}/initrd.gz", "boot"]
    assert "=== class/n1\nSMOKETEST GRUB OFFLINE\n" in rendered.answers
    assert "MIRROR=http://192.0.2.1:3142/debian\n" in rendered.answers
    assert "=== disk_config/n1\n" in rendered.answers


def test_more_packages_come_from_the_mirror(node: Node, image: Image) -> None:
    more = replace(image, packages=("lldpd", "tmux"))
    answers = FaiMethod().render(node, more, ATTEMPT, URL).answers
    assert "=== class/n1\nSMOKETEST GRUB\n" in answers
    assert "PACKAGES install-norec\nopenssh-server python3-minimal lldpd tmux\n" in answers


def test_every_disk_layout_may_be_used(node: Node, image: Image) -> None:
    layouts = sorted(path.name for path in (TEMPLATES / "fai" / "disks").iterdir())
    assert "root" in layouts
    for layout in layouts:
        answers = FaiMethod().render(node, replace(image, partitions=layout), ATTEMPT, URL).answers
        assert (TEMPLATES / "fai" / "disks" / layout).read_text() in answers


def test_a_layout_that_is_not_there_is_told(node: Node, image: Image) -> None:
    with pytest.raises(ConfigError, match=r"fai/node\.j2:\d+: .*fai/disks/raid"):
        FaiMethod().render(node, replace(image, partitions="raid"), ATTEMPT, URL)


def test_a_template_that_asks_for_what_is_not_there_is_told_with_its_line(
    node: Node, image: Image, tmp_path: Path
) -> None:
    shutil.copytree(TEMPLATES / "fai", tmp_path / "fai")
    template = tmp_path / "fai" / "node.j2"
    template.write_text("# first\n# {{ node.nmae }}\n")
    with pytest.raises(ConfigError, match=r"fai/node\.j2:2: .*nmae"):
        FaiMethod(tmp_path).render(node, image, ATTEMPT, URL)


def test_answers_that_fai_would_refuse_are_refused_before_power_on(
    node: Node, image: Image, tmp_path: Path
) -> None:
    shutil.copytree(TEMPLATES / "fai", tmp_path / "fai")
    layout = tmp_path / "fai" / "disks" / "root"
    layout.write_text(layout.read_text().replace("primary /", "prinary /"))
    with pytest.raises(ConfigError, match=r"fai/node\.j2:16: .*\(as rendered for n1\)"):
        FaiMethod(tmp_path).render(node, image, ATTEMPT, URL)


def test_a_golden_image_of_it_has_a_key_wherever_its_files_are(
    image: Image, tmp_path: Path
) -> None:
    places: list[Path] = []
    for name in ("linux", "initrd", "base.tar.zst"):
        (tmp_path / name).write_bytes(name.encode())
        places.append(tmp_path / name)
    files = (image.extras[0], ("base.tar.zst", str(places[2])))
    found = replace(image, kernel=str(places[0]), initrd=str(places[1]), extras=files)
    first = key(found, FaiMethod())
    moved = shutil.copytree(tmp_path, tmp_path / "moved")
    elsewhere = (image.extras[0], ("base.tar.zst", str(moved / "base.tar.zst")))
    assert first == key(replace(found, kernel=str(moved / "linux"), extras=elsewhere), FaiMethod())
    places[2].write_bytes(b"other packages")
    assert first != key(found, FaiMethod())


def test_an_image_without_a_config_space_is_told(node: Node, image: Image) -> None:
    bare = replace(image, extras=())
    with pytest.raises(ConfigError, match=r"bookworm-fai has no config\.tar among its extras"):
        FaiMethod().render(node, bare, ATTEMPT, URL)


def test_the_config_space_packs_to_the_same_bytes_and_runs_what_is_to_run() -> None:
    packed = configspace.pack()
    assert packed == configspace.pack()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        modes = {member.name: member.mode for member in archive if member.isfile()}
    assert modes["scripts/SMOKETEST/90-call-home"] == 0o755
    assert modes["hooks/setup.DEFAULT.sh"] == 0o755
    assert modes["class/SMOKETEST.var"] == 0o644


def test_a_packed_config_space_is_kept_until_it_changes(tmp_path: Path) -> None:
    first = configspace.kept(tmp_path / "cache")
    assert first.read_bytes() == configspace.pack()
    assert configspace.kept(tmp_path / "cache") == first
    shutil.copytree(configspace.SPACE, tmp_path / "space")
    (tmp_path / "space" / "class" / "MORE.var").write_text("A=1\n")
    assert configspace.kept(tmp_path / "cache", tmp_path / "space") != first
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_classes_are_those_that_the_config_space_does_something_for(image: Image) -> None:
    assert configspace.classes(Path(dict(image.extras)["config.tar"])) == KNOWN


def test_what_is_no_config_space_is_told(tmp_path: Path) -> None:
    packed = tmp_path / "config.tar"
    packed.write_text("<html>404</html>")
    with pytest.raises(ConfigError, match=r"config\.tar is no packed config space"):
        configspace.classes(packed)


def test_a_good_part_has_no_faults() -> None:
    assert nodepart.faults(PART, "n1", KNOWN) == ()


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("# what n1 is", "what n1 is", "1: comes before any `=== FILE` line"),
        ("=== class/n1\n", "=== ../n1\n", "2: '../n1' is no file of a config space"),
        ("GRUB", "GRUP", "3: the config space knows no class 'GRUP'; it has DEFAULT, GRUB,"),
        ('"two words"', "two words", "6: 'WORDS=two words' is not NAME=VALUE"),
        ('"two words"', "$(reboot)", "6: 'WORDS=$(reboot)' is not NAME=VALUE"),
        ("primary /", "prinary /", "9: "),
        ("install-norec", "instal", "12: PACKAGES has the unknown action 'instal'"),
        ("PACKAGES install-norec\n", "", "12: comes before any PACKAGES line"),
        ("libstdc++6", "Libstdc++6", "13: 'Libstdc++6' is no name of a package"),
        ("=== class/n1\n", "=== class/n2\n", "13: there is no `=== class/n1`"),
        ("=== disk_config/n1", "=== debconf/n1", "13: there is no `=== disk_config/n1`"),
    ],
)
def test_a_fault_is_told_with_its_line(good: str, bad: str, fault: str) -> None:
    assert good in PART
    found = nodepart.faults(PART.replace(good, bad, 1), "n1", KNOWN)
    assert [sentence for sentence in found if sentence.startswith(fault)], found


def test_an_empty_part_lacks_everything() -> None:
    assert nodepart.faults("", "n1", KNOWN) == (
        "0: there is no `=== class/n1`",
        "0: there is no `=== disk_config/n1`",
    )


LAYOUTS = [
    (LAYOUT, ""),
    ("# first\n\n" + LAYOUT, ""),
    ("disk_config disk1\nprimary swap 10-20% swap sw\nlogical - 0- - -\n", ""),
    ('disk_config vda disklabel:gpt\nprimary / RAM:50%-4G ext4 rw createopts="-m 1"\n', ""),
    (LAYOUT.replace("primary", "prinary"), "2"),
    (LAYOUT.replace(" / ", " boot "), "2"),
    (LAYOUT.replace("900-", "much"), "2"),
    (LAYOUT.replace(" rw,noatime", ""), "2"),
    (LAYOUT.replace("disklabel:msdos", "disklable:msdos"), "1"),
    (LAYOUT.replace("disk_config disk1", "disk_config"), "1"),
    ("primary / 900- ext4 rw\n", "1"),
]


@pytest.mark.parametrize(("layout", "line"), LAYOUTS)
def test_our_grammar_of_disk_layouts(layout: str, line: str) -> None:
    assert [fault.partition(": ")[0] for fault in diskconfig.by_grammar(layout)][:1] == (
        [line] if line else []
    )


def test_a_layout_without_a_disk_is_told() -> None:
    assert diskconfig.by_grammar("# nothing\n") == ("1: there is no disk_config line",)


@pytest.mark.skipif(
    not shutil.which("setup-storage"),
    reason="setup-storage is not installed: apt install fai-setup-storage",
)
@pytest.mark.parametrize(("layout", "line"), LAYOUTS)
def test_fais_own_parser_says_the_same(layout: str, line: str) -> None:
    found = diskconfig.faults(layout)
    assert bool(found) == bool(line), found
    assert not line or found[0].partition(": ")[0] in {line, "1"}
