"""The script by which a RAM disk writes a golden image, run on a file that stands for a disk."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.drivers.boot import sealing
from orchestrator.lab.qemu import builder
from orchestrator.lab.qemu.site import Site, opened

MIB = 1 << 20
SIZE = 40 * MIB
NEEDED = ("busybox", "zstd", "b2sum")
SCRIPT = Path(sealing.__file__).parent / "seal" / "premount"

pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in NEEDED),
    reason=f"needs the programs {', '.join(NEEDED)}",
)


class Ramdisk:
    """The script's world in a folder: its disk, the kernel's command line, what is mounted."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self.disk = folder / "vda"
        (folder / "cmdline").write_text(f"quiet smoketest.disk={url}\n")
        (folder / "functions").write_text("configure_networking() { :; }\nudevadm() { :; }\n")
        (folder / "block" / "vda").mkdir(parents=True)
        self.plug(secrets.token_bytes(SIZE))

    def plug(self, content: bytes) -> None:
        """Have a disk that holds that already."""
        self.disk.write_bytes(content)
        (self._folder / "block" / "vda" / "size").write_text(str(len(content) // 512))

    def write(self, *within: str) -> str:
        """Run the script until it is done or stops for good; return what the console shows."""
        places = {
            "/tmp/": "$here/",  # noqa: S108
            "/scripts/functions": "$here/functions",
            "/proc/cmdline": "$here/cmdline",
            "/sys/class/block": "$here/block",
            '"/dev/$name"': '"$here/$name"',
            "disk=/dev/$name": "disk=$here/$name",
            "${disk#/dev/}": "${disk##*/}",
            "-b ": "-f ",
            "/bin/busybox-full": "busybox",
            "/dev/console": "&1",
            "while :; do sleep 3600; done": "exit 1",
            "sleep": ":",
        }
        text = SCRIPT.read_text()
        for theirs, ours in places.items():
            assert theirs in text, theirs
            text = text.replace(theirs, ours)
        script = self._folder / "premount"
        script.write_text(f"here={self._folder}\n{text}")
        argv = [*within, "sh", str(script)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A packed image of 40 MiB whose middle is empty."""
    folder = tmp_path / "golden"
    folder.mkdir()
    raw = folder / "disk.raw"
    raw.write_bytes(secrets.token_bytes(MIB) + bytes(SIZE - 2 * MIB) + secrets.token_bytes(MIB))
    builder.complete(folder, raw, "0000-root")
    return folder


@pytest.fixture
def site(golden: Path) -> Iterator[Site]:
    with opened() as made:
        made.serve({f"/b/files/{path.name}": path for path in golden.iterdir()})
        yield made


@pytest.fixture
def ramdisk(site: Site, tmp_path: Path) -> Ramdisk:
    return Ramdisk(tmp_path, f"http://127.0.0.1:{site.port}/b/files")


def test_every_chunk_lands_where_it_belongs(ramdisk: Ramdisk, golden: Path) -> None:
    ramdisk.plug(bytes(SIZE + 3 * MIB))
    said = ramdisk.write()
    assert "image 2 of 2 written" in said, said
    assert "the image is on" in said
    written = ramdisk.disk.read_bytes()
    assert written[:SIZE] == (golden / "disk.raw").read_bytes()
    assert written[SIZE:] == bytes(3 * MIB), "the disk is larger than the image, and stays so"


def test_a_disk_that_is_too_small_is_left_alone(ramdisk: Ramdisk) -> None:
    before = secrets.token_bytes(SIZE - MIB)
    ramdisk.plug(before)
    assert f"disk full: the image has {SIZE} bytes" in ramdisk.write()
    assert ramdisk.disk.read_bytes() == before


def test_a_chunk_that_arrives_damaged_is_not_written(
    ramdisk: Ramdisk, golden: Path, site: Site
) -> None:
    before = ramdisk.disk.read_bytes()
    packed = bytearray((golden / "chunk-0000").read_bytes())
    packed[len(packed) // 2] ^= 1
    site.serve({"/b/files/chunk-0000": bytes(packed)})
    said = ramdisk.write()
    assert "chunk-0000 of the image arrived damaged" in said
    assert "written" not in said
    assert ramdisk.disk.read_bytes() == before


def test_a_disk_that_takes_no_more_is_said_to(ramdisk: Ramdisk) -> None:
    said = ramdisk.write("prlimit", f"--fsize={SIZE // 2}")
    assert "image 1 of 2 written" in said
    assert "writing chunk-0002 to" in said
    assert "the image is on" not in said
