"""One boot of an emulated machine: QEMU from power-on to a reset or the end of power."""

import asyncio
import os
import random
import socket
import subprocess
from functools import partial
from pathlib import Path

from orchestrator.lab.board import Board, BootDevice, Ending, MachineEvent
from orchestrator.lab.faults import Fault
from orchestrator.lab.files import write_atomic
from orchestrator.lab.processes import die_with_parent
from orchestrator.lab.qemu import bay, command, segment
from orchestrator.lab.qemu.bay import Bay, Content
from orchestrator.lab.qemu.command import Parts
from orchestrator.lab.qemu.monitor import Monitor, watch
from orchestrator.lab.shape import Shape

_DICE = random.SystemRandom()
_IMAGE_SECONDS = 120.0
#: a machine that hangs or resets itself does so this long after power-on, in seconds
_MISHAP = (15.0, 40.0)
_TINY_MIB = 300
_RESETS = frozenset({"guest-reset", "host-qmp-system-reset", "itself"})

# Firmware that finds no boot server yet tries again: it may be restarting.
_FIRST_STAGE = """#!ipxe
set tries:int32 0
:again
chain --autofree {url}/ipxe?mac=${{net0/mac}} && exit ||
inc tries
iseq ${{tries}} 150 && exit ||
echo No boot script yet, trying again
sleep 2
goto again
"""


def boot(board: Board, shape: Shape, device: BootDevice) -> Ending:
    """Run QEMU on this process's serial port until the machine resets or goes off.

    Raises `OSError` or `subprocess.SubprocessError` when it cannot be started.
    """
    board.folder.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    laid = bay.read(board.folder)
    fresh = not bay.disk(board.folder).exists()
    if fresh:
        _make_disk(board, shape, laid)
    # A clone that reboots is a machine like any other.
    resumes = fresh and laid.content is Content.CLONE
    if device is BootDevice.NETWORK and not resumes:
        board.witness(MachineEvent.NETWORK_BOOTED)
    near, far = socket.socketpair()
    with near, far:
        _start(command.command(_parts(board, shape, device, far.fileno(), resumes=resumes)), far)
        far.close()
        template = bay.template(Path(laid.golden), shape) / "state" if resumes else None
        reason = watch(near, partial(_live, board, template))
    return Ending.REBOOT if reason in _RESETS else Ending.POWER_LOST


def _start(argv: list[str], far: socket.socket) -> None:
    """Start QEMU; it dies with us, and its serial port is our standard output."""
    here = os.getpid()
    subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        pass_fds=(far.fileno(),),
        preexec_fn=lambda: die_with_parent(here),
    )


async def _live(board: Board, template: Path | None, monitor: Monitor) -> str:
    """Return why the machine went off."""
    if template:
        await monitor.resume_from(template)
    ended = asyncio.ensure_future(monitor.ended())
    if board.strikes(Fault.RESETS) and not await _ends_within_mishap(ended):
        return "itself"
    if board.strikes(Fault.HANGS_IN_INSTALL) and not await _ends_within_mishap(ended):
        await monitor.stop()
    return await ended


async def _ends_within_mishap(ended: "asyncio.Future[str]") -> bool:
    done, _ = await asyncio.wait([ended], timeout=_DICE.uniform(*_MISHAP))
    return bool(done)


def _make_disk(board: Board, shape: Shape, laid: Bay) -> None:
    path = bay.disk(board.folder)
    draft = path.with_suffix(".new")
    base = {
        Content.OVERLAY: Path(laid.golden) / "disk.qcow2",
        Content.CLONE: bay.template(Path(laid.golden), shape) / "disk.qcow2",
    }.get(laid.content)
    small = board.strikes(Fault.SMALL_DISK)
    usual = "" if base else f"{shape.disk_gib}G"
    make_image(draft, f"{_TINY_MIB}M" if small else usual, base)
    draft.replace(path)


def make_image(path: Path, size: str, base: Path | None) -> None:
    """Make an empty disk of `size` (as `8G`), or one that begins as `base`, of its size if none.

    Raises `subprocess.SubprocessError` when that fails.
    """
    argv = ["qemu-img", "create", "-q", "-f", "qcow2"]
    argv += ["-b", str(base), "-F", "qcow2"] if base else []
    argv += [str(path), size] if size else [str(path)]
    subprocess.run(argv, check=True, timeout=_IMAGE_SECONDS, stdin=subprocess.DEVNULL)


def _parts(board: Board, shape: Shape, device: BootDevice, monitor: int, *, resumes: bool) -> Parts:
    laid = bay.read(board.folder)
    cloned = laid.content is Content.CLONE
    return Parts(
        name=board.folder.name,
        mac=board.endpoints.mac,
        shape=shape,
        disk=bay.disk(board.folder),
        tftp=_tftp(board),
        device=device,
        ssh=(board.endpoints.host, board.endpoints.ssh_port),
        segment=segment.plugged(board.folder.lab, board.folder.name),
        monitor=monitor,
        dhcp=not board.strikes(Fault.NO_PXE),
        variables=command.variables(shape, board.folder.root / "uefi-variables.fd"),
        identity=_identity(board, laid) if cloned else None,
        memory=bay.template(Path(laid.golden), shape) / "memory" if resumes else None,
        incoming=resumes,
    )


def _tftp(board: Board) -> Path:
    """Return the folder that the firmware's first stage is fetched from."""
    folder = board.folder.run / "tftp"
    folder.mkdir(exist_ok=True)
    url = board.boot_url()
    if url:
        (folder / "boot.ipxe").write_text(_FIRST_STAGE.format(url=url))
    else:
        (folder / "boot.ipxe").unlink(missing_ok=True)
    return folder


def _identity(board: Board, laid: Bay) -> Path:
    path = board.folder.run / "identity"
    write_atomic(path, f"{laid.identity}\n", mode=0o600)
    return path
