"""A lab of emulated machines with archs of its own, for tests; its images are built if need be."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.cli import embedded
from orchestrator.cli.client import Client
from orchestrator.wiring import emulated
from tests.orchestrating import Orchestrator

NEEDED = ("qemu-system-x86_64", "qemu-img", "vde_switch", "/usr/sbin/apt-cacher-ng", "zstd")
#: variable of the environment: `fai` has FAI install what the golden image is made of, which takes
#: a third of the Debian installer's time
INSTALLER = "SMOKETEST_INSTALLER"
_OWN = Path(__file__).parent / "lab"
_SHIPPED = Path(__file__).parents[2]
_LAB = """
[lab]
name = "emulated"

[emulated]
nodes = {nodes}
boot = {boot}
memory = {memory}
processors = {processors}
power = "{power}"
firmware = "{firmware}"

[images.mirrorless]
kernel_package = "linux-image-cloud-amd64"
mirror = "http://10.0.2.2:9/debian"

[images.misspelt]
kernel_package = "linux-image-cloud-amd64"
packages = ["no-such-package-anywhere"]
"""
_BY_FAI = """
[images.debian-12]
method = "fai"
kernel_package = "linux-image-cloud-amd64"
"""
_FOLDERS = """
[folders]
archs = "archs"
playbooks = "playbooks"
suites = "suites"
"""
#: what the program ships, and where a lab file's folder of that name takes it from
_PARTS = {
    "archs": _SHIPPED / "reference_archs",
    "playbooks": _SHIPPED / "playbooks",
    "suites": _SHIPPED / "reference_archs" / "suites",
}


def missing() -> str:
    """Return what to type if this host lacks a program, or an empty text."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    return f"no {', '.join(lacking)} here: see `smoketest doctor`" if lacking else ""


def lab_file(
    folder: Path,
    *boot: str,
    power: str = "ipmi",
    memory: int = 1536,
    firmware: str = "bios",
    images: str = "",
) -> Path:
    """Write a lab file with one machine per way of `boot`, the shipped archs, and our own.

    A machine has no more processors than may be used here: two that take turns on one wait for each
    other half of the time.
    """
    for name, shipped in _PARTS.items():
        shutil.copytree(shipped, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(_OWN / name, folder / name, dirs_exist_ok=True)
    words = {"nodes": len(boot), "boot": json.dumps(boot), "memory": memory}
    words |= {"processors": min(2, len(os.sched_getaffinity(0)))}
    debian = _BY_FAI if os.environ.get(INSTALLER) == "fai" else ""
    text = _LAB.format(**words, power=power, firmware=firmware) + debian + images + _FOLDERS
    path = folder / "lab.toml"
    path.write_text(text)
    return path


def orchestrator(folder: Path, lab: Path) -> Orchestrator:
    """Return an orchestrator that was started on that lab."""
    made = Orchestrator(home=folder / "home", lab=lab, patience=1800)
    made.start()
    return made


@contextmanager
def running(folder: Path, lab: Path) -> Iterator[Orchestrator]:
    """Yield an orchestrator on that lab; it ends with the context."""
    made = orchestrator(folder, lab)
    try:
        yield made
    finally:
        made.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What the lab says of its golden image."""

    key: str
    #: the disk is there, and the running template beside it
    built: bool
    template: bool


def golden(made: Orchestrator, name: str = "debian-12") -> Golden:
    """Return how it stands with the golden image of that name."""
    known = made.json("image", "list", "--lab", str(made.lab))["images"]
    found = next(image for image in known if image["name"] == name)
    return Golden(key=found["key"], built=found["built"], template=found["template"])


def building(made: Orchestrator) -> Path:
    """Return the folder that the golden image is made in."""
    return emulated.goldens().folder(golden(made).key) / "building"


def build(made: Orchestrator, name: str = "debian-12") -> str:
    """Build the image, whether it is there or not; return what the build said of itself."""
    done = made.cli("image", "build", name, "--lab", str(made.lab), "--again", seconds=7200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_if_needed(made: Orchestrator) -> None:
    """Build the golden image and its template unless they are there."""
    done = made.cli("image", "build", "debian-12", "--lab", str(made.lab), seconds=7200)
    assert done.returncode == 0, done.stderr


@contextmanager
def only(made: Orchestrator, *names: str) -> Iterator[None]:
    """Let runs have no other machines than those meanwhile.

    By the API, for speed: a BMC that lies breaks three attempts within the seconds that a command
    takes, and the second must find another machine.
    """
    running = embedded.find(made.home)
    assert running
    hands = Client(running.server)
    others = [node.name for node in hands.nodes() if node.name not in names]
    for name in others:
        hands.set_node(name, "drain", {"reason": "another machine is wanted"})
    try:
        yield
    finally:
        for name in others:
            hands.set_node(name, "restore")


def passed_tests(made: Orchestrator, run: int) -> int:
    """Return how many tests of the run's only cell passed."""
    (cell,) = made.json("show", str(run))["cells"]
    return int(cell["tests"]["passed"])


def seconds(made: Orchestrator, run: int, stage: str = "provision") -> float:
    """Return how long a stage of the run's only cell took."""
    (cell,) = made.json("show", str(run))["cells"]
    return float(cell["phases"][stage])


def attested(made: Orchestrator, *left_out: str) -> dict[str, dict[str, str]]:
    """Return what each machine was attested, but for its disk's serial number and its image."""
    rows = made.rows("SELECT node, facts FROM attestations")
    own = {"disks", "installed-from", *left_out}
    return {n: {k: v for k, v in json.loads(facts) if k not in own} for n, facts in rows}


def settled(made: Orchestrator, arch: str, within: float = 3 * 3600) -> int:
    """Return the number of a run of that arch, once it is done."""
    run = made.ask("trunk", arch)
    made.wait_for(lambda: made.done(run), within, f"{arch} to end")
    return run


def verdict(made: Orchestrator, run: int) -> tuple[str, str | None, str]:
    """Return the verdict, blame and cause of the run's only cell."""
    (cell,) = made.json("show", str(run))["cells"]
    return cell["verdict"], cell["blame"], cell["cause"]


def events(made: Orchestrator, run: int) -> list[tuple[datetime, str, str]]:
    """Return time, kind and text of what happened in the run, oldest first."""
    query = "SELECT at, kind, value FROM events WHERE attempt LIKE ? ORDER BY seq"
    rows = made.rows(query, f"{run}/%")
    # What is as usual is not stored: some events have no text.
    found = ((at, kind, json.loads(value).get("text", "")) for at, kind, value in rows)
    return [(datetime.fromisoformat(at), kind, text) for at, kind, text in found]


def moments(made: Orchestrator, run: int) -> dict[str, float]:
    """Return when each kind of event first happened, in seconds of the epoch, in order."""
    found: dict[str, float] = {}
    for at, kind, _ in events(made, run):
        found.setdefault(kind, at.timestamp())
    return found


def offered(made: Orchestrator, run: int) -> str:
    """Return what the run's last machine was offered."""
    return [text for _, kind, text in events(made, run) if kind == "offered"][-1]


def attempts(made: Orchestrator, run: int) -> list[dict[str, Any]]:
    """Return the run's attempts with their rulings, oldest first."""
    rows = made.rows("SELECT number, ruling FROM attempts WHERE run = ? ORDER BY number", run)
    return [{"number": n, "ruling": json.loads(ruling) if ruling else None} for n, ruling in rows]


def console(made: Orchestrator, run: int, node: str) -> str:
    """Return what the consoles of that machine's attempts kept."""
    found = sorted((made.home / "attempts" / str(run)).rglob(f"console-{node}.log"))
    return "".join(path.read_text(errors="replace") for path in found)
