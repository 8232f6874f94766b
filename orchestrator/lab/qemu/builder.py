"""Builds a golden image: an unattended install in a machine of its own, sealed and packed.

`install`, `seal`, `pack` are the steps; `build` is their order. A build that is killed leaves a
folder without a manifest, which is no image, and is swept by the next one.
"""

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.lab.board import BootDevice
from orchestrator.lab.qemu import command, screen, vm
from orchestrator.lab.qemu import guest as guests
from orchestrator.lab.qemu.command import Parts
from orchestrator.lab.qemu.guest import LOOPBACK, Guest
from orchestrator.lab.qemu.machine import make_image
from orchestrator.lab.qemu.site import Site, opened
from orchestrator.lab.shape import HOST, Shape
from orchestrator.model.errors import InfraError

MAC = "52:54:00:7f:00:01"
_INSTALL_SECONDS = 7200.0
#: patient: a busy host boots a machine ten times as slowly as an idle one
_BOOT_SECONDS = 900.0
_SEAL_SECONDS = 1800.0
_PACK_SECONDS = 600.0
_MIB = 1 << 20
#: empty pieces are left out, those in a row are one chunk, since each chunk costs a machine four
#: processes; so many that a small machine holds it in its memory
_PIECE_MIB, _CHUNK_PIECES = 16, 4
#: of a chunk's BLAKE2b, which a machine without instructions for SHA works out much sooner
_DIGEST_BYTES = 32
#: by itself: the connection that asks for it ends with it
_OFF = "(sleep 1; systemctl poweroff) >/dev/null 2>&1 </dev/null &"
#: the lists that a ramdisk and `Goldens` read
LIST, MANIFEST = "chunks", "image.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to build, and where."""

    #: the image's folder, named by its key
    folder: Path
    #: boot script and answers for a machine that finds everything below that URL
    render: Callable[[str], tuple[str, str]]
    kernel: Path
    initrd: Path
    #: shell scripts that seal the installed system; after the second nobody can log in
    seal: str
    forget: str
    extras: Mapping[str, Path] = field(default_factory=dict)
    shape: Shape = field(default_factory=Shape)
    say: Callable[[str], None] = print


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """How long each step took, in seconds."""

    #: from power-on to the installed system's call-back, and to its reboot
    arrived: float
    install: float
    seal: float
    pack: float


def build(order: Order) -> Built:
    """Make the image; raises `InfraError` with the console's last words if it cannot be."""
    scratch = order.folder / "building"
    shutil.rmtree(order.folder, ignore_errors=True)
    scratch.mkdir(parents=True)
    guest = guests.make(scratch)
    begun = time.monotonic()
    arrived = install(order, guest)
    installed = time.monotonic()
    root = seal(order, guest)
    sealed = time.monotonic()
    pack(order, scratch / "disk.qcow2", root)
    shutil.rmtree(scratch)
    done = time.monotonic()
    return Built(
        arrived=arrived - begun,
        install=installed - begun,
        seal=sealed - installed,
        pack=done - sealed,
    )


def install(order: Order, guest: Guest) -> float:
    """Install by network boot, until the machine resets after it called home.

    Returns when (by the monotonic clock) that was.
    """
    scratch = guest.folder
    console = scratch / "console.log"
    make_image(scratch / "disk.qcow2", f"{order.shape.disk_gib}G", None)
    with opened() as site:
        url = f"http://{HOST}:{site.port}/b"
        script, answers = order.render(url)
        tftp = scratch / "tftp"
        tftp.mkdir()
        (tftp / "boot.ipxe").write_text(script)
        _offer(site, order, answers, guest)
        order.say(f"installing; the console goes to {console}")
        plug = _parts(order, guest, BootDevice.NETWORK)
        with vm.power(plug, console) as machine:
            reason = screen.wait(machine, console, _INSTALL_SECONDS)
        if not site.arrived.is_set():
            msg = f"the install ended ({reason or 'QEMU died'}) without calling home"
            raise InfraError(f"{msg}; its console last said: {screen.last(console)}")
        guest.trust(site.host_key)
        return site.arrived_at


def _offer(site: Site, order: Order, answers: str, guest: Guest) -> None:
    site.serve(
        {
            "/b/linux": order.kernel,
            "/b/initrd.gz": order.initrd,
            "/b/preseed.cfg": answers.encode(),
            "/b/answers": answers.encode(),
            "/b/authorized_keys": guest.public_key.encode(),
            **{f"/b/files/{name}": path for name, path in order.extras.items()},
        }
    )


def seal(order: Order, guest: Guest) -> str:
    """Boot the installed disk, seal it, fetch its kernel; return the UUID of its root."""
    scratch = guest.folder
    order.say("sealing")
    plug = _parts(order, guest, BootDevice.DISK)
    with vm.power(plug, scratch / "console.log") as machine:
        guest.wait(_BOOT_SECONDS)
        root = guest.run("findmnt -no UUID /", _BOOT_SECONDS).decode().strip()
        try:
            guest.run("sh -s", _SEAL_SECONDS, order.seal.encode())
            for name, path in (("vmlinuz", "linux"), ("initrd.img", "initrd.gz")):
                content = guest.run(f'cat "/boot/{name}-$(uname -r)"', _BOOT_SECONDS)
                (order.folder / path).write_bytes(content)
            guest.run("sh -s", _SEAL_SECONDS, f"{order.forget}\n{_OFF}".encode())
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace")[-400:]
            raise InfraError(f"sealing failed: {said}") from error
        screen.wait(machine, scratch / "console.log", _BOOT_SECONDS)
    return root


def pack(order: Order, disk: Path, root: str) -> None:
    """Write the image's disk, the chunks that a ramdisk writes, and last its manifest."""
    order.say("packing")
    raw = disk.with_suffix(".raw")
    for form, target in (("qcow2", order.folder / "disk.qcow2"), ("raw", raw)):
        argv = ["qemu-img", "convert", "-O", form, str(disk), str(target)]
        subprocess.run(argv, check=True, timeout=_PACK_SECONDS, stdin=subprocess.DEVNULL)
    complete(order.folder, raw, root)


def complete(folder: Path, raw: Path, root: str) -> None:
    """Write the chunks of the disk `raw`, and last the manifest that makes `folder` an image."""
    lines = [str(raw.stat().st_size)]
    for number, content in _chunks(raw):
        name = f"chunk-{number:04d}"
        packed = _packed(content)
        (folder / name).write_bytes(packed)
        digest = hashlib.blake2b(packed, digest_size=_DIGEST_BYTES).hexdigest()
        lines.append(f"{name} {number * _PIECE_MIB} {digest}")
    (folder / LIST).write_text("\n".join(lines) + "\n")
    names = [LIST, *(line.split()[0] for line in lines[1:])]
    draft = folder / f"{MANIFEST}.new"
    draft.write_text(json.dumps({"root": root, "chunks": names}) + "\n")
    draft.replace(folder / MANIFEST)


def _packed(content: bytes) -> bytes:
    """Return it as zstd has it: an emulated machine unpacks that in a fraction of gzip's time."""
    argv = ["zstd", "--quiet", "-12", "--stdout"]
    done = subprocess.run(
        argv, input=content, stdout=subprocess.PIPE, check=True, timeout=_PACK_SECONDS
    )
    return done.stdout


def _chunks(raw: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each chunk, with the number of its first piece."""
    held: list[bytes] = []
    first = 0
    for number, piece in _pieces(raw):
        if held and (number != first + len(held) or len(held) == _CHUNK_PIECES):
            yield first, b"".join(held)
            held = []
        first = first if held else number
        held.append(piece)
    if held:
        yield first, b"".join(held)


def _pieces(raw: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each piece of the disk that is not empty, with its number."""
    empty = bytes(_PIECE_MIB * _MIB)
    with raw.open("rb") as file:
        number = 0
        while content := file.read(_PIECE_MIB * _MIB):
            if content != empty[: len(content)]:
                yield number, content
            number += 1


def _parts(order: Order, guest: Guest, device: BootDevice) -> Callable[[int], Parts]:
    def plug(monitor: int) -> Parts:
        return Parts(
            name=order.folder.name[:12],
            mac=MAC,
            shape=order.shape,
            disk=guest.folder / "disk.qcow2",
            tftp=guest.folder / "tftp",
            device=device,
            ssh=(LOOPBACK, guest.port),
            monitor=monitor,
            variables=command.variables(order.shape, guest.folder / "uefi-variables.fd"),
        )

    return plug
