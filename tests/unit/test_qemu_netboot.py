"""What an installer for emulated machines is made of, without a network."""

import io
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.lab.qemu import cpio, modules, netboot, packages, udebs
from orchestrator.lab.qemu.archive import Stanza, parse
from orchestrator.lab.qemu.cpio import Entry
from orchestrator.model.errors import ConfigError

FILE = stat.S_IFREG | 0o644
CACHER = pytest.mark.skipif(
    shutil.which("apt-cacher-ng", path="/usr/sbin") is None,
    reason="needs the package apt-cacher-ng",
)
names = st.text(alphabet="abcdefgh-.", min_size=1, max_size=12).filter(
    lambda name: name not in {".", ".."}
)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


def archived(*entries: Entry) -> bytes:
    file = io.BytesIO()
    cpio.write(entries, file)
    return file.getvalue()


@given(st.dictionaries(paths, st.binary(max_size=60), max_size=8))
def test_what_was_written_is_read_again_with_the_folders_around_it(
    files: dict[str, bytes],
) -> None:
    read = cpio.read(archived(*(Entry(path=p, mode=FILE, data=d) for p, d in files.items())))
    assert {path: read[path].data for path in files} == files
    assert list(read) == sorted(read)
    around = {"/".join(p.split("/")[:n]) for p in files for n in range(1, len(p.split("/")))}
    assert set(read) == set(files) | around
    assert all(stat.S_ISDIR(read[path].mode) for path in around - set(files))


@given(st.binary(max_size=400))
def test_other_bytes_are_no_archive(data: bytes) -> None:
    with pytest.raises(cpio.NoArchive):
        cpio.read(data)


def test_a_cut_archive_is_refused() -> None:
    whole = archived(Entry(path="a", mode=FILE, data=b"x" * 500))
    with pytest.raises(cpio.NoArchive, match="a ends after the archive does"):
        cpio.read(whole[:300])


@pytest.mark.skipif(shutil.which("cpio") is None, reason="needs the package cpio")
def test_the_program_cpio_agrees(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"shared")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    (tmp_path / "link").symlink_to("one")
    made = subprocess.run(
        ["cpio", "--create", "--format=newc", "--quiet"],
        cwd=tmp_path,
        input=b"one\ntwo\nlink\n",
        capture_output=True,
        check=True,
    ).stdout
    read = cpio.read(made)
    assert (read["one"].data, read["two"].data) == (b"shared", b"shared")
    assert (read["link"].data, stat.S_ISLNK(read["link"].mode)) == (b"one", True)
    into = tmp_path / "into"
    into.mkdir()
    subprocess.run(
        ["cpio", "--extract", "--quiet", "--no-preserve-owner"],
        cwd=into,
        input=archived(*read.values(), Entry(path="deep/er/x", mode=FILE, data=b"!")),
        check=True,
    )
    assert (into / "deep/er/x").read_bytes() == b"!"
    assert (into / "two").read_bytes() == b"shared"
    assert (into / "link").readlink() == Path("one")


def component(name: str, depends: str = "", provides: str = "") -> Stanza:
    return parse(
        f"Package: {name}\nVersion: 1:2\nDepends: {depends}\nProvides: {provides}\nSHA256: 00\n"
    )


def test_a_stanza_is_read_without_versions() -> None:
    stanza = parse("Package: a\nVersion: 1\nDepends: b (>= 2), c | d:any\nProvides: e (= 1)\n x: y")
    assert stanza.depends == (("b",), ("c", "d"))
    assert stanza.provides == ("e",)


def test_the_components_are_the_wanted_ones_and_all_that_they_need() -> None:
    index = {
        stanza.package: stanza
        for stanza in (
            component("wanted", "direct (>= 1), had, ext4-modules, virtual"),
            component("direct", "deeper | other"),
            component("deeper", "wanted"),
            component("other"),
            component("provider", provides="virtual"),
            component("unasked"),
        )
    }
    chosen = udebs.closure(index, [component("had")], ["wanted"])
    assert [stanza.package for stanza in chosen] == ["wanted", "direct", "provider", "deeper"]


def test_a_component_that_nobody_has_is_named() -> None:
    with pytest.raises(ConfigError, match="needs gone, which the mirror's index does not list"):
        udebs.closure({"a": component("a", "gone")}, [], ["a"])


def test_questions_keep_their_english_and_untranslated_fields() -> None:
    templates = (
        "Template: a/b\nType: select\nChoices-C: x, y\nChoices-de.UTF-8: ä, ö\n"
        "Description: Which?\n Long text.\nDescription-de.UTF-8: Welche?\n Langer Text.\n"
        "Description-pt_BR.UTF-8: Qual?\nDescription-sr@latin.UTF-8: Koji?\n\n"
        "Template: c/d\nType: text\nDescription: Last\n"
    )
    assert udebs.english(templates.encode()).decode() == (
        "Template: a/b\nType: select\nChoices-C: x, y\nDescription: Which?\n Long text.\n\n"
        "Template: c/d\nType: text\nDescription: Last\n"
    )


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("drivers/block/virtio_blk.ko.xz", True),
        ("drivers/ata/ahci.ko", True),
        ("drivers/nvme/host/nvme.ko.xz", True),
        ("drivers/net/ethernet/intel/e1000e/e1000e.ko.xz", True),
        ("fs/ext4/ext4.ko.xz", True),
        ("drivers/net/wireless/intel/iwlwifi/iwlwifi.ko.xz", False),
        ("sound/core/snd.ko.xz", False),
        ("fs/btrfs/btrfs.ko.xz", False),
    ],
)
def test_modules_for_disks_and_wired_networks_are_kept(path: str, wanted: bool) -> None:
    assert modules.kept(path) is wanted


CONFMODULE = """\
say() { echo "$*" >> "$SAID"; }
db_set() { case "$1" in new/*) [ -e "$SAID.new" ] || { : > "$SAID.new"; return 10; } ;; esac
    say "set|$1|$2"; }
db_fset() { say "fset|$1|$2|$3"; }
db_register() { say "register|$2"; }
db_subst() { :; }
"""
PRESEED = """\
logfile="$SAID.log"
log() { :; }
"""


def answered(tmp_path: Path, text: str, *options: str) -> tuple[list[str], int]:
    """Run the installer's reader of answers with a debconf that notes what it is told."""
    script = (Path(netboot.__file__).parent / "installer/debconf-set-selections").read_text()
    for there, here in (
        ("/usr/share/debconf/confmodule", CONFMODULE),
        ("/lib/preseed/preseed.sh", PRESEED),
    ):
        path = tmp_path / Path(there).name
        path.write_text(here)
        assert there in script
        script = script.replace(there, str(path))
    (tmp_path / "reader").write_text(script)
    (tmp_path / "answers").write_bytes(text.encode())
    said = tmp_path / "said"
    said.write_text("")
    done = subprocess.run(
        ["sh", str(tmp_path / "reader"), *options, str(tmp_path / "answers")],
        env={"SAID": str(said), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    return said.read_text().splitlines(), done.returncode


def test_answers_reach_debconf_as_with_the_installers_own_reader(tmp_path: Path) -> None:
    text = (
        "#_preseed_V1\n\n  # indented remarks are answers to the original too\n"
        "d-i a/b string one  two \\$x `y` *\r\n"
        "\td-i\tc/d\tboolean\ttrue\n"
        "d-i e/f multiselect\n"
        "d-i g/h string first \\\n   second\n"
        "d-i i/j seen false\n"
        "d-i new/k string v"
    )
    said, status = answered(tmp_path, text.replace("  # indented remarks", "# remarks"))
    assert status == 0
    assert said == [
        "set|a/b|one  two \\$x `y` *",
        "fset|a/b|seen|true",
        "set|c/d|true",
        "fset|c/d|seen|true",
        "set|e/f|",
        "fset|e/f|seen|true",
        "set|g/h|first second",
        "fset|g/h|seen|true",
        "fset|i/j|seen|false",
        "register|new/k",
        "set|new/k|v",
        "fset|new/k|seen|true",
    ]


def test_answers_may_be_left_unseen(tmp_path: Path) -> None:
    assert answered(tmp_path, "d-i a/b string x\n", "--unseen") == (["set|a/b|x"], 0)


@pytest.mark.parametrize("line", ["d-i", "d-i a/b"])
def test_half_an_answer_is_refused(tmp_path: Path, line: str) -> None:
    said, status = answered(tmp_path, f"d-i x/y string z\n{line}\nd-i u/v string w\n")
    assert status == 1
    assert said == ["set|x/y|z", "fset|x/y|seen|true"]
    assert "unable to determine template" in (tmp_path / "said.log").read_text()


def test_labs_of_a_user_share_the_port_of_their_package_cache(tmp_path: Path) -> None:
    chosen = packages.port(tmp_path / "cache")
    assert packages.port(tmp_path / "cache") == chosen
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["port"]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_it_answers(port: int) -> None:
    end = time.monotonic() + 30
    while not answers(port):
        assert time.monotonic() < end, "no package cache answers"
        time.sleep(0.05)


@CACHER
def test_package_caches_of_a_user_take_turns(tmp_path: Path) -> None:
    port = packages.port(tmp_path)
    command = packages.command(tmp_path, port, "http://mirror.example/debian/")
    with packages.running(command):
        wait_until_it_answers(port)
        second = packages.running(command)
        second.__enter__()
        assert answers(port)
    wait_until_it_answers(port)
    second.__exit__(None, None, None)
    assert not answers(port)


@CACHER
def test_the_package_cache_keeps_to_one_mirror_and_its_folder(tmp_path: Path) -> None:
    command = packages.command(tmp_path / "cache", 3999, "http://mirror.example/debian/")
    assert command[3].endswith("apt-cacher-ng")
    assert Path(command[0]).is_absolute(), "a service is run without a search for its program"
    text = Path(command[-1], "acng.conf").read_text()
    assert "Remap-mirror: /debian ; http://mirror.example/debian\n" in text
    assert "BindAddress: 127.0.0.1\nPort: 3999\n" in text
    assert f"CacheDir: {tmp_path}/cache/kept\n" in text
