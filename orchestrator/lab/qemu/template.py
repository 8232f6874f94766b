"""A template: a golden image's system that runs already, halted, its memory kept in a file.

A clone maps that memory copy-on-write and goes on from there. The guest waits at that point to be
told who it is (see `smoketest-home clone`), so that no two clones share a key, a name or a MAC.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from orchestrator.lab.board import BootDevice
from orchestrator.lab.qemu import bay, command, vm
from orchestrator.lab.qemu import guest as guests
from orchestrator.lab.qemu.builder import MAC
from orchestrator.lab.qemu.command import Parts
from orchestrator.lab.qemu.guest import LOOPBACK, Guest
from orchestrator.lab.qemu.machine import make_image
from orchestrator.lab.qemu.monitor import Monitor
from orchestrator.lab.qemu.site import opened
from orchestrator.lab.shape import HOST, Shape
from orchestrator.model.errors import BootTimeout, InfraError

#: patient: a busy host boots a machine ten times as slowly as an idle one
_BOOT_SECONDS = 900.0
_SAVED = "saved"
_WAITING = "waiting to be told who this is"
_POLL_SECONDS = 0.1
#: the file of a whole template is its last
_DRAFT, _STATE = "state.new", "state"


def fits(golden: Path, shape: Shape) -> bool:
    """Return whether the image has a template of that shape."""
    return (bay.template(golden, shape) / _STATE).exists()


def make(golden: Path, script: Callable[[str], str], shape: Shape) -> float:
    """Make the image's template and return how long that took, in seconds.

    `script` renders its boot for a machine that finds everything below a URL. Raises `InfraError`
    if it cannot be made; what is half made is no template.
    """
    begun = time.monotonic()
    folder = bay.template(golden, shape)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tftp").mkdir(parents=True)
    make_image(folder / "disk.qcow2", "", golden / "disk.qcow2")
    (folder / "memory").touch()
    (folder / "identity").touch()
    guest = guests.make(folder)
    with opened() as site:
        url = f"http://{HOST}:{site.port}/b"
        (folder / "tftp" / "boot.ipxe").write_text(script(url))
        site.serve(
            {
                "/b/linux": golden / "linux",
                "/b/initrd.gz": golden / "initrd.gz",
                "/b/authorized_keys": guest.public_key.encode(),
            }
        )
        console = folder / "console.log"
        use = partial(_save, console, folder / _DRAFT)
        with vm.power(partial(_parts, folder, guest, shape), console, use) as machine:
            if not site.arrived.wait(_BOOT_SECONDS):
                raise BootTimeout(f"the template did not call home; see {console}")
            guest.trust(site.host_key)
            guest.wait(_BOOT_SECONDS)
            guest.run("setsid smoketest-home clone >/dev/null 2>&1 </dev/null &", _BOOT_SECONDS)
            if (reason := machine.reason(_BOOT_SECONDS)) != _SAVED:
                raise InfraError(f"the template {reason} before it was saved; see {console}")
    for name in ("key", "key.pub", "known_hosts", "identity"):
        (folder / name).unlink()
    (folder / _DRAFT).rename(folder / _STATE)
    return time.monotonic() - begun


async def _save(console: Path, state: Path, monitor: Monitor) -> str:
    """Save the machine once it waits to be told who it is; return why it ended before."""
    ended = asyncio.ensure_future(monitor.ended())
    while _WAITING not in console.read_text(errors="replace"):
        if ended.done():
            return ended.result() or "ended"
        await asyncio.sleep(_POLL_SECONDS)
    ended.cancel()
    await monitor.save_to(state)
    await monitor.quit()
    return _SAVED


def _parts(folder: Path, guest: Guest, shape: Shape, monitor: int) -> Parts:
    return Parts(
        name="template",
        mac=MAC,
        shape=shape,
        disk=folder / "disk.qcow2",
        tftp=folder / "tftp",
        device=BootDevice.NETWORK,
        ssh=(LOOPBACK, guest.port),
        monitor=monitor,
        variables=command.variables(shape, folder / "uefi-variables.fd"),
        identity=folder / "identity",
        memory=folder / "memory",
        shared=True,
    )
