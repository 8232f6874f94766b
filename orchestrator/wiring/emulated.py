"""The emulated machines of a lab: their installer, package cache, golden images and bays."""

import fcntl
import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from orchestrator.config.emulated import Emulated
from orchestrator.drivers.boot.configspace import kept
from orchestrator.drivers.boot.fai import BASE, CONFIG
from orchestrator.drivers.boot.goldens import Goldens
from orchestrator.lab import box
from orchestrator.lab.addresses import name_of
from orchestrator.lab.box import Box
from orchestrator.lab.labdir import read_state
from orchestrator.lab.qemu import fairoot, needs, netboot, packages, redfish, segment
from orchestrator.lab.qemu.bays import BoxBays
from orchestrator.lab.shape import HOST, Emulation, Shape
from orchestrator.model.image import Image
from orchestrator.model.node import UEFI, Node, SwitchPort

#: the image that an emulated lab has by itself
DEBIAN = Image(
    name="debian-12",
    suite="bookworm",
    kernel="",
    initrd="",
    mirror_host="",
    mirror_directory="",
    kernel_package="linux-image-cloud-amd64",
)
#: patient: a busy host takes ten times as long
_PREPARE_SECONDS = 3600.0
#: what sealing needs, so that an image's package list is the installer's
_FOR_IMAGES = ("busybox", "zstd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """A running emulated lab."""

    box: Box
    bays: BoxBays
    #: they were just switched on
    fresh: bool
    mend: Callable[[], bool]


def cache() -> Path:
    """Return the folder that installers, packages and images are kept in between labs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "smoketest"


def goldens() -> Goldens:
    """Return the golden images of this user."""
    return Goldens(cache() / "images")


def shape(wanted: Emulated) -> Shape:
    """Return what each machine is made of."""
    return Shape(
        memory_mib=wanted.memory_mib,
        processors=wanted.processors,
        disk_gib=wanted.disk_gib,
        uefi=wanted.uefi,
    )


def start(folder: Path, wanted: Emulated) -> Machines:
    """Return the lab's machines in `folder`, switched on if need be, none of them powered.

    Raises `ConfigError` before anything is begun if this host lacks something.
    """
    _require(wanted)
    running = box.attach(folder)
    state = read_state(folder)
    if running and state and not state.matches(wanted.nodes, math.inf, shape(wanted)):
        running.stop()
        running = None
    lab = running or _start(folder, wanted)
    return Machines(
        box=lab,
        bays=BoxBays(lab),
        fresh=running is None,
        mend=lambda: _mend(lab, wanted),
    )


def nodes(machines: Machines, wanted: Emulated) -> dict[str, Node]:
    """Return the machines by name, each with the way it is installed."""
    firmware = frozenset({UEFI} if wanted.uefi else ())
    found = (
        _booting(node, boot, firmware)
        for node, boot in zip(machines.box.nodes(), cycle(wanted.boot))
    )
    reached = (_by_redfish(node) if wanted.redfish else node for node in found)
    return {node.name: node for node in reached}


def _booting(node: Node, boot: str, firmware: frozenset[str]) -> Node:
    return replace(
        node,
        boot=boot,
        capabilities=node.capabilities | {f"by-{boot}"} | firmware,
        switch=SwitchPort(switch=segment.SEGMENTS, port=node.name),
    )


def _by_redfish(node: Node) -> Node:
    bmc = replace(node.bmc, port=redfish.REDFISH_PORT, console_port=node.bmc.port)
    return replace(node, power="redfish", bmc=bmc)


def images(declared: dict[str, Image], wanted: Emulated, port: int) -> dict[str, Image]:
    """Return the lab's images and its own, with installer and mirror filled in where left out.

    `port` is the package cache's. Fetches the installer at the first call. Raises `ConfigError`,
    before it fetches anything if this host lacks something.
    """
    found = {DEBIAN.name: DEBIAN, **declared}
    _require(wanted, *(image.method for image in found.values()))
    return {
        name: _FILLED.get(image.method, _given)(image, wanted, port)
        for name, image in found.items()
    }


def _require(wanted: Emulated, *methods: str) -> None:
    needs.require(uefi=wanted.uefi, redfish_bmcs=wanted.redfish, methods=methods)


def _preseeded(image: Image, wanted: Emulated, port: int) -> Image:
    installer = netboot.prepare(
        cache() / "installer", mirror=wanted.mirror, say=_say, seconds=_PREPARE_SECONDS
    )
    return replace(
        image,
        kernel=image.kernel or str(installer.kernel),
        initrd=image.initrd or str(installer.initrd),
        udeb_suite=image.udeb_suite or installer.udeb_suite,
        mirror_host=image.mirror_host or f"{HOST}:{port}",
        mirror_directory=image.mirror_directory or packages.DIRECTORY,
        packages=tuple(dict.fromkeys((*_FOR_IMAGES, *image.packages))),
    )


def _by_fai(image: Image, wanted: Emulated, port: int) -> Image:
    root = fairoot.prepare(
        cache() / "fai",
        mirror=wanted.mirror,
        suite=image.suite,
        kernel=image.kernel_package,
        say=_say,
        seconds=_PREPARE_SECONDS,
    )
    own = ((CONFIG, str(kept(cache() / "fai"))), (BASE, str(root.base)))
    return replace(
        image,
        kernel=image.kernel or str(root.kernel),
        initrd=image.initrd or str(root.initrd),
        mirror_host=image.mirror_host or f"{HOST}:{port}",
        mirror_directory=image.mirror_directory or packages.DIRECTORY,
        extras=image.extras or own,
    )


def _given(image: Image, _wanted: Emulated, _port: int) -> Image:
    """Return an image that brings its installer and media itself."""
    return image


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


#: what an emulated lab brings for an image, by its install method
_FILLED: Mapping[str, Callable[[Image, Emulated, int], Image]] = {
    "preseed": _preseeded,
    "fai": _by_fai,
}


def _start(folder: Path, wanted: Emulated) -> Box:
    folder.mkdir(parents=True, exist_ok=True)
    names = [name_of(number) for number in range(1, wanted.nodes + 1)]
    services = (packages_command(wanted), *segment.commands(folder, names))
    emulation = Emulation(shape=shape(wanted), services=services, redfish=wanted.redfish)
    return box.start(folder, nodes=wanted.nodes, speed=math.inf, emulation=emulation)


def packages_port(wanted: Emulated) -> int:
    """Return the port of this user's package cache of the lab's mirror: the same in every lab."""
    return packages.port(_packages_folder(wanted))


def packages_command(wanted: Emulated) -> tuple[str, ...]:
    """Return the command of that cache; raises `ConfigError` when this host has none."""
    return packages.command(_packages_folder(wanted), packages_port(wanted), wanted.mirror)


def _packages_folder(wanted: Emulated) -> Path:
    usual = wanted.mirror == Emulated().mirror
    mirror = hashlib.sha256(wanted.mirror.encode()).hexdigest()[:16]
    return cache() / ("packages" if usual else f"packages-{mirror}")


def _mend(lab: Box, wanted: Emulated) -> bool:
    """Switch the lab on again if its processes were killed; its addresses stay."""
    if lab.alive():
        return False
    url = lab.boot_url()
    _start(lab.folder, wanted).set_boot_url(url)
    return True


@contextmanager
def building() -> Iterator[None]:
    """Let one build at a time work on the images of this user."""
    folder = cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "building.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
