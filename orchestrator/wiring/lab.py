"""The lab that an orchestrator works on: the one in a box, or the one of a lab file."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator import archs as arch_files
from orchestrator.config import labfile as config
from orchestrator.config.partners import strangers
from orchestrator.config.switches import SwitchFile
from orchestrator.drivers.boot.goldens import Goldens
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.lab import box, qemu
from orchestrator.lab.box_faults import BoxFaults
from orchestrator.lab.labdir import parse_speed, read_state
from orchestrator.lab.qemu import segment
from orchestrator.lab.sample.make import make
from orchestrator.lab.shape import HOST
from orchestrator.model.arch import Arch
from orchestrator.model.document import hint
from orchestrator.model.errors import ConfigError
from orchestrator.model.image import Image
from orchestrator.model.node import Node
from orchestrator.model.watch import Watch
from orchestrator.ports.bays import Bays
from orchestrator.ports.faults import Faults
from orchestrator.wiring import emulated
from orchestrator.wiring.home import Home
from orchestrator.wiring.settings import Settings

LOOPBACK = "127.0.0.1"
#: entry-point group of vendors' own power drivers
POWER_GROUP = "orchestrator.power"
#: names of the drivers that a lab file may give a node; vendors' packages add power drivers
KNOWN = config.Drivers(
    power=frozenset({"ipmi", "redfish", *vendor_drivers(POWER_GROUP)}),
    console={"sol"},
    boot=frozenset({"install", "image"}),
)
#: simulated BMCs need no rest, and obey at once or never
BOX_MANNERS = config.Manners(
    ipmi=config.Ipmi(gap=0, settle=4),
    redfish=config.Redfish(gap=0, settle=4, plain=True, reads_once=False),
)
SAMPLE = "sample"
#: `--lab qemu`, and the lab file that it stands for
QEMU = "qemu"
SHIPPED_LAB = Path(str(qemu.__file__)).with_name("lab.toml")
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
    manners: config.Manners
    store_url: str
    #: how many machines may be installed at once, by what they share
    limits: Mapping[str, int] = field(default_factory=dict)
    #: the machines were just switched on: whatever ran on them before is gone
    fresh: bool
    faults: Faults | None
    goldens: Goldens
    set_boot_url: Callable[[str], None]
    #: bring the lab back if it died; True if it had
    mend: Callable[[], bool]
    stop: Callable[[], None]
    #: whether the lab's own processes run; a real one has none
    alive: Callable[[], bool] = lambda: True
    #: our address as the machines reach it, if that is another than where we listen
    seen_as: str = ""
    #: of emulated machines
    bays: Bays | None = None
    #: other labs that take some of the cells
    partners: Mapping[str, config.Partner] = field(default_factory=dict)
    #: where people reach the pages; empty: where they are served
    url: str = ""
    told: config.Told = field(default_factory=config.Told)
    #: repositories that start runs by themselves
    watches: tuple[Watch, ...] = ()
    reviews: tuple[config.ReviewSystem, ...] = ()
    #: what machines' data cards hang on
    switches: Mapping[str, SwitchFile] = field(default_factory=dict)
    #: of emulated machines: the folder that says which segment each is plugged into
    plugs: Path | None = None
    #: how people come in
    people: config.People = field(default_factory=config.People)


def open_lab(settings: Settings, home: Home) -> LabParts:
    """Return the lab that the settings ask for; the lab in a box is started if need be."""
    if settings.lab is None:
        return _in_a_box(settings, home)
    path = SHIPPED_LAB if str(settings.lab) == QEMU else settings.lab
    lab = config.load(path, drivers=KNOWN)
    parts = _from_file(settings, home, lab)
    return _emulated(home, parts, lab, lab.emulated) if lab.emulated else parts


def join_lab(settings: Settings, home: Home) -> LabParts:
    """Return the lab that the orchestrator of that home works on; nothing is started or stopped.

    Raises `ConfigError` if its machines are simulated, and do not run on this host.
    """
    if settings.lab is not None and str(settings.lab) != QEMU:
        lab = config.load(settings.lab, drivers=KNOWN)
        if lab.emulated is None:
            return _from_file(settings, home, lab)
        msg = f"{lab.path} has emulated machines: they are walked by the orchestrator beside them"
        raise ConfigError(msg)
    state = read_state(home.folder / "lab")
    if settings.lab is not None or state is None or box.attach(home.folder / "lab") is None:
        msg = f"no lab in a box runs on {home.folder}: start the orchestrator first, on this host"
        raise ConfigError(msg)
    return _in_a_box(replace(settings, nodes=state.nodes, speed=str(state.speed)), home)


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
        manners=BOX_MANNERS,
        store_url=settings.store or home.store_url,
        fresh=running is None,
        faults=BoxFaults(lab),
        goldens=emulated.goldens(),
        set_boot_url=lab.set_boot_url,
        mend=partial(_mend, lab, settings.nodes, speed),
        stop=lab.stop,
        alive=lab.alive,
    )


def _emulated(
    home: Home, parts: LabParts, lab: config.LabFile, wanted: config.Emulated
) -> LabParts:
    """Return the lab with its emulated machines beside those that the file lists."""
    folder = home.folder / "lab"
    images = emulated.images(dict(lab.images), wanted, emulated.packages_port(wanted))
    machines = emulated.start(folder, wanted)
    sample = str(make(home.folder / "sample"))
    count = f"{wanted.nodes} emulated machines"
    return replace(
        parts,
        title=f"{parts.title}: {count}" if parts.nodes else f"{lab.name}: {count}",
        nodes={**parts.nodes, **emulated.nodes(machines, wanted)},
        images=images,
        aliases={SAMPLE: sample, **parts.aliases},
        manners=parts.manners if parts.nodes else BOX_MANNERS,
        fresh=machines.fresh,
        faults=BoxFaults(machines.box),
        set_boot_url=partial(_announce, machines.box),
        mend=machines.mend,
        stop=machines.box.stop,
        seen_as=HOST,
        bays=machines.bays,
        plugs=segment.plugs(folder),
    )


def _announce(lab: box.Box, url: str) -> None:
    """Tell the machines where network boot starts, as they see it."""
    place = urlsplit(url)
    lab.set_boot_url(place._replace(netloc=f"{HOST}:{place.port}").geturl())


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
        if not (folder / name).exists():
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


def _from_file(settings: Settings, home: Home, lab: config.LabFile) -> LabParts:
    nodes = {node.name: node for node in lab.nodes}
    archs = _archs(lab.folders)
    for wrong in strangers(lab.partners, archs):
        raise ConfigError(wrong)
    archs = _archs(lab.folders)
    _refuse_unknown(lab.watches, archs)
    return LabParts(
        address=lab.address,
        port=settings.port or lab.port,
        title=str(lab.path),
        nodes=nodes,
        archs=archs,
        images=lab.images,
        aliases=lab.repos,
        trusted=lab.trusted,
        trust_code=settings.trust_code or lab.trust_code,
        playbooks=lab.folders.playbooks,
        suites=lab.folders.suites,
        manners=lab.manners,
        partners=lab.partners,
        store_url=settings.store or lab.store_url or home.store_url,
        limits=lab.limits,
        fresh=False,
        faults=None,
        goldens=emulated.goldens(),
        set_boot_url=lambda _: None,
        mend=lambda: False,
        stop=lambda: None,
        url=lab.url,
        told=lab.told,
        watches=lab.watches,
        reviews=lab.reviews,
        switches=lab.switches,
        people=lab.people,
    )


def _refuse_unknown(watches: tuple[Watch, ...], archs: Mapping[str, Arch]) -> None:
    """Raise `ConfigError` for a watch of an arch that there is not: it would fail unseen."""
    for watch in watches:
        for name in watch.archs:
            if name not in archs:
                msg = f"{watch.source}: no arch is called `{name}`; {hint(name, archs)}"
                raise ConfigError(msg)
