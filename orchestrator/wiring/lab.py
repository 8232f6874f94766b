"""The lab that an orchestrator works on: the one in a box, or the one of a lab file."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator import archs as arch_files
from orchestrator import config
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.lab import box
from orchestrator.lab.box_faults import BoxFaults
from orchestrator.lab.labdir import parse_speed, read_state
from orchestrator.lab.sample.make import make
from orchestrator.model.arch import Arch
from orchestrator.model.image import Image
from orchestrator.model.node import Node
from orchestrator.ports.faults import Faults
from orchestrator.wiring.home import Home
from orchestrator.wiring.settings import Settings

LOOPBACK = "127.0.0.1"
#: entry-point group of vendors' own power drivers
POWER_GROUP = "orchestrator.power"
#: names of the drivers that a lab file may give a node; vendors' packages add power drivers
KNOWN = config.Drivers(
    power=frozenset({"ipmi", "redfish", *vendor_drivers(POWER_GROUP)}),
    console={"sol"},
    boot={"preseed"},
)
#: simulated BMCs need no rest, and obey at once or never
BOX_IPMI = config.Ipmi(gap=0, settle=4)
SAMPLE = "sample"
#: the simulated machines' image; nothing in it is ever executed
PLACEHOLDER = (
    b"simulated: a simulated machine fetches and checks these bytes, and runs none of them\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabParts:
    """Everything about a lab that the house is built from."""

    title: str
    #: where pages, API and boot server listen; port 0: the usual one or any free one
    address: str
    port: int
    nodes: Mapping[str, Node]
    archs: Mapping[str, Arch]
    images: Mapping[str, Image]
    aliases: Mapping[str, str]
    trusted: frozenset[str]
    trust_code: bool
    playbooks: Path
    suites: Path
    ipmi: config.Ipmi
    store_url: str
    #: the machines were just switched on: whatever ran on them before is gone
    fresh: bool
    faults: Faults | None
    set_boot_url: Callable[[str], None]
    #: bring the lab back if it died; True if it had
    mend: Callable[[], bool]
    stop: Callable[[], None]


def open_lab(settings: Settings, home: Home) -> LabParts:
    """Return the lab that the settings ask for; the lab in a box is started if need be."""
    return _from_file(settings, home, settings.lab) if settings.lab else _in_a_box(settings, home)


def _in_a_box(settings: Settings, home: Home) -> LabParts:
    folders = config.builtin()
    archs = _archs(folders)
    folder = home.folder / "lab"
    speed = parse_speed(settings.speed)
    running = box.attach(folder)
    state = read_state(folder)
    if running and state and (state.nodes, state.speed) != (settings.nodes, speed):
        running.stop()
        running = None
    lab = running or box.start(folder, nodes=settings.nodes, speed=speed)
    sample = make(home.folder / "sample")
    nodes = {node.name: node for node in lab.nodes()}
    pace = "" if math.isclose(speed, 1) else f" at speed {settings.speed}"
    return LabParts(
        address=LOOPBACK,
        port=settings.port,
        title=f"lab in a box: {len(nodes)} simulated machines{pace}",
        nodes=nodes,
        archs=archs,
        images=_simulated_images(home.folder / "images"),
        aliases={SAMPLE: str(sample)},
        trusted=frozenset({SAMPLE, str(sample)}),
        trust_code=settings.trust_code,
        playbooks=folders.playbooks,
        suites=folders.suites,
        ipmi=BOX_IPMI,
        store_url=home.store_url,
        fresh=running is None,
        faults=BoxFaults(lab),
        set_boot_url=lab.set_boot_url,
        mend=partial(_mend, lab, settings.nodes, speed),
        stop=lab.stop,
    )


def _mend(lab: box.Box, nodes: int, speed: float) -> bool:
    """Switch a lab in a box on again whose processes were killed; its addresses stay."""
    if lab.alive():
        return False
    url = lab.boot_url()
    box.start(lab.folder, nodes=nodes, speed=speed, boot_url=url)
    return True


def _archs(folders: config.Folders) -> dict[str, Arch]:
    loaded = arch_files.load([folders.archs], playbooks=folders.playbooks, suites=folders.suites)
    return {arch.name: arch for arch in loaded}


def _simulated_images(folder: Path) -> dict[str, Image]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("linux", "initrd.gz"):
        (folder / name).write_bytes(PLACEHOLDER)
    image = Image(
        name="debian-12",
        suite="bookworm",
        kernel=str(folder / "linux"),
        initrd=str(folder / "initrd.gz"),
        mirror_host="mirror.invalid",
        mirror_directory="/debian",
    )
    return {image.name: image}


def _from_file(settings: Settings, home: Home, path: Path) -> LabParts:
    lab = config.load(path, drivers=KNOWN)
    nodes = {node.name: node for node in lab.nodes}
    return LabParts(
        address=lab.address,
        port=settings.port or lab.port,
        title=str(path),
        nodes=nodes,
        archs=_archs(lab.folders),
        images=lab.images,
        aliases=lab.repos,
        trusted=lab.trusted,
        trust_code=settings.trust_code or lab.trust_code,
        playbooks=lab.folders.playbooks,
        suites=lab.folders.suites,
        ipmi=lab.ipmi,
        store_url=lab.store_url or home.store_url,
        fresh=False,
        faults=None,
        set_boot_url=lambda _: None,
        mend=lambda: False,
        stop=lambda: None,
    )
