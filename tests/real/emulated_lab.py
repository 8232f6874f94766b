"""A lab of emulated machines with archs of its own, for tests; its images are built if need be."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrator.config import labfile as config
from orchestrator.drivers.boot.image import ANYBODY
from orchestrator.drivers.boot.preseed import PreseedMethod
from orchestrator.lab.qemu import netboot
from orchestrator.model.ids import AttemptId
from orchestrator.wiring import emulated
from tests.orchestrating import Orchestrator
from tests.real import bare_install as bare

NEEDED = ("qemu-system-x86_64", "qemu-img", "vde_switch", "/usr/sbin/apt-cacher-ng", "zstd")
_OWN = Path(__file__).parent / "lab"
_LAB = """
[lab]
name = "emulated"

[emulated]
nodes = {nodes}
boot = {boot}
memory = {memory}
processors = 2
power = "{power}"

[images.mirrorless]
kernel_package = "linux-image-cloud-amd64"
mirror = "http://10.0.2.2:9/debian"

[images.misspelt]
kernel_package = "linux-image-cloud-amd64"
packages = ["no-such-package-anywhere"]
"""
_FOLDERS = """
[folders]
archs = "{own}/archs"
playbooks = "{own}/playbooks"
suites = "{own}/suites"
"""


def missing() -> str:
    """Return what to type if this host lacks a program, or an empty text."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    return f"no {', '.join(lacking)} here: see `smoketest doctor`" if lacking else ""


def lab_file(
    folder: Path,
    *boot: str,
    power: str = "ipmi",
    memory: int = 1536,
    shipped: bool = False,
) -> Path:
    """Write a lab file with one machine per way of `boot`; with the `shipped` archs, or our own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lab.toml"
    words = {"nodes": len(boot), "boot": json.dumps(boot), "memory": memory, "power": power}
    text = _LAB.format(**words) + ("" if shipped else _FOLDERS.format(own=_OWN))
    path.write_text(text)
    return path


def orchestrator(folder: Path, lab: Path) -> Orchestrator:
    """Return an orchestrator that was started on that lab."""
    made = Orchestrator(home=folder / "home", lab=lab, patience=900)
    made.start()
    return made


def build(made: Orchestrator, name: str = "debian-12") -> str:
    """Build the image unless it is there; return what the build said of itself."""
    assert made.lab
    known = made.json("image", "list", "--lab", str(made.lab))["images"]
    found = next(image for image in known if image["name"] == name)
    if found["built"] and found["template"]:
        return "was built before"
    done = made.cli("image", "build", name, "--lab", str(made.lab), seconds=5400)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seconds(made: Orchestrator, run: int, stage: str = "provision") -> float:
    """Return how long a stage of the run's only cell took."""
    (cell,) = made.json("show", str(run))["cells"]
    return float(cell["phases"][stage])


def attested(made: Orchestrator) -> dict[str, dict[str, str]]:
    """Return what each machine was attested, but for its disk's serial number and its image."""
    rows = made.rows("SELECT node, facts FROM attestations")
    own = ("disks", "installed-from")
    return {n: {k: v for k, v in json.loads(facts) if k not in own} for n, facts in rows}


def settled(made: Orchestrator, arch: str, within: float = 5400) -> int:
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
    return [(datetime.fromisoformat(at), kind, json.loads(v)["text"]) for at, kind, v in rows]


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


def bare_install(made: Orchestrator, folder: Path) -> float:
    """Return the seconds from power-on to the call-back of an install with nobody around it."""
    assert made.lab
    lab = config.load(made.lab)
    assert lab.emulated
    port = emulated.packages_port(made.home / "lab")
    image = emulated.images(dict(lab.images), lab.emulated, port)["debian-12"]
    kernel, initrd = Path(image.kernel), Path(image.initrd)
    installer = netboot.Installer(
        kernel=kernel, initrd=initrd, udeb_suite="", suite=image.suite, fingerprint=""
    )

    def answers(url: str) -> str:
        return PreseedMethod().render(ANYBODY, image, AttemptId("0/bare/1"), url).answers

    phases = bare.install(folder, installer, answers, until="arrived", seconds=5400)
    print(f"bare install: {phases}")
    return phases.seconds["arrived"]
