"""The lab's folder: what the supervisor, the machines and the orchestrator all read."""

import hashlib
import json
import math
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.lab.addresses import BMC_PORT, SSH_PORT, Plan, name_of
from orchestrator.lab.files import write_atomic
from orchestrator.lab.processes import started
from orchestrator.lab.shape import Shape
from orchestrator.model.errors import ConfigError

#: in the environment of everything that runs on a machine
COOKIE = "SMOKETEST_NODE"


def parse_speed(text: str) -> float:
    """Return how many times faster than hardware, `math.inf` for `max`."""
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise ConfigError(f"speed {text!r} is neither a number above 0 nor max")
    return speed


def speed_text(speed: float) -> str:
    """Return what `parse_speed` reads."""
    return "max" if math.isinf(speed) else f"{speed:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabState:
    """What lab.json holds."""

    subnet: int
    nodes: int
    #: times faster than hardware
    speed: float
    #: what a DHCP server would hand out: the boot server's base URL, or empty
    boot_url: str
    #: process id of the supervisor, and when that process started (the kernel's ticks since boot):
    #: the pair outlives the reuse of the number
    supervisor: int
    started: int
    #: the shape of emulated machines, as `Shape.text` writes it; empty: the machines are simulated
    emulated: str = ""

    def alive(self) -> bool:
        """Return whether that very supervisor runs."""
        return started(self.supervisor) == self.started

    def matches(self, nodes: int, speed: float, shape: Shape | None) -> bool:
        """Return whether it is such a lab."""
        emulated = shape.text() if shape else ""
        return (self.nodes, self.speed, self.emulated) == (nodes, speed, emulated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The user name and password that a machine's BMC accepts."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDir:
    """The files of one machine."""

    lab: Path
    number: int

    @property
    def name(self) -> str:
        """`n01`, ..."""
        return name_of(self.number)

    @property
    def root(self) -> Path:
        """The machine's folder."""
        return self.lab / "nodes" / self.name

    @property
    def faults(self) -> Path:
        """What is wrong with it."""
        return self.root / "faults.json"

    @property
    def power(self) -> Path:
        """Its power state, for people; the BMC is the truth."""
        return self.root / "power.json"

    @property
    def disk(self) -> Path:
        """Its disk."""
        return self.root / "disk"

    @property
    def hardware(self) -> Path:
        """What a simulated machine is made of, in the shape of `/sys` and `/proc`; edit at will."""
        return self.root / "hardware"

    @property
    def bmc_users(self) -> Path:
        """The users that its BMC lists."""
        return self.root / "bmc_users.json"

    @property
    def console(self) -> Path:
        """What it printed since it was last powered on."""
        return self.root / "console.log"

    @property
    def commands(self) -> Path:
        """The witness: each command its BMC received, each step it took."""
        return self.root / "commands.jsonl"

    @property
    def run(self) -> Path:
        """Generated files of the running system."""
        return self.root / "run"

    @property
    def cookie(self) -> str:
        """The value of `COOKIE` that marks what runs on it."""
        return f"{lab_hash(self.lab)}/{self.name}"

    def credentials(self) -> Credentials:
        """Return the BMC's credentials, made up at the first call."""
        path = self.root / "bmc.json"
        if not path.exists():
            made = {"user": "admin", "password": secrets.token_hex(8)}
            write_atomic(path, json.dumps(made) + "\n", mode=0o600)
        read = json.loads(path.read_text())
        return Credentials(user=read["user"], password=read["password"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where one machine is reached."""

    bmc: str
    host: str
    mac: str
    bmc_port: int = BMC_PORT
    ssh_port: int = SSH_PORT


def endpoints(plan: Plan, number: int) -> Endpoints:
    """Return where machine `number` is reached under `plan`."""
    return Endpoints(bmc=plan.bmc(number), host=plan.host(number), mac=plan.mac(number))


def lab_hash(lab: Path) -> str:
    """Return what tells this lab's processes from another's."""
    return hashlib.sha256(str(lab.resolve()).encode()).hexdigest()[:12]


def read_state(lab: Path) -> LabState | None:
    """Return what lab.json says, None if there is none."""
    path = lab / "lab.json"
    try:
        read = json.loads(path.read_text())
        return LabState(**{**read, "speed": parse_speed(read["speed"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a lab ({error}); remove it to start afresh") from error


def write_state(lab: Path, state: LabState) -> None:
    """Replace lab.json."""
    fields = {
        "subnet": state.subnet,
        "nodes": state.nodes,
        "speed": speed_text(state.speed),
        "boot_url": state.boot_url,
        "supervisor": state.supervisor,
        "started": state.started,
        "emulated": state.emulated,
    }
    write_atomic(lab / "lab.json", json.dumps(fields, indent=1) + "\n")
