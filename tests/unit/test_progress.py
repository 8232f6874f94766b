"""How far a machine got: from recorded consoles, and as the provision stage tells it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.console.sol import SolConsole
from orchestrator.model.arch import Arch, Deploy, Role, Smoke
from orchestrator.model.errors import BootTimeout, ConfigError, InfraError
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Lease
from orchestrator.model.node import Access, Bmc, Node, Provenance
from orchestrator.model.progress import Progress, progress
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.run import Host, Task
from orchestrator.model.secret import Secret
from orchestrator.model.verdict import Blame
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
from orchestrator.stages.provision import CONSOLE_LINES, QUIET, provision
from tests.unit.console_captures import FAILED, FOLDER, GOOD, cleaned

ACCESS = Access(address="192.0.2.7", port=22, user="root", host_key="ssh-ed25519 AAAA")


def told(lines: tuple[str, ...]) -> list[str]:
    """Return what is worth a word while the lines come one by one."""
    found: list[Progress] = []
    for end in range(1, len(lines) + 1):
        now = progress(lines[max(0, end - CONSOLE_LINES) : end])
        if now and now.news(found[-1] if found else None):
            found.append(now)
    return [str(one) for one in found]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Installing the base system  ... 0%... 6%... 17%", "Installing the base system 17 %"),
        ("Installing the base system  ... 0%... 6", "Installing the base system 0 %"),
        ("Installing the base system  ... 0", "Installing the base system"),
        ("Detecting link on eth0; please wait...  ... 0%", "Detecting link on eth0 0 %"),
        ("[*] Installing the base system...", "Installing the base system"),
        ("Calling task_instsoft", "Installing packages"),
        ("Calling task_local", "FAI is at its task local"),
        ("smoketest: image 3 of 17 written", "Writing the disk image 18 %"),
        ("smoketest: image 17 of 17 written", "Writing the disk image 100 %"),
        ("smoketest: image 1 of 0 written", "Writing the disk image"),
        ("smoketest: n01 called home", "Called home"),
        ("Configuring (net0 52:54:00:12:34:56)...... ok", "Booting from the network"),
        ("http://10.0.2.2:8470/boot/0123456789abcdefgh/linux... 75%", "Booting from the network"),
        ("[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@...)", "Booting its kernel"),
        ("[    4.052249] Run /init as init process", "Booting its kernel"),
        ("(XEN) Xen version 4.17.7 (Debian 4.17.7-1)", "Booting Xen"),
        ("[  OK  ] Started ssh.service - OpenBSD Secure Shell server.", "Starting its services"),
        ("n04 login:", "At its login prompt"),
    ],
)
def test_a_line_shows_what_a_machine_is_at(line: str, shown: str) -> None:
    now = progress(["earlier", line, "[   97.049767] hrtimer: interrupt took 202414560 ns"])
    assert str(now) == shown
    assert now == Progress.heard(shown) or round((now.fraction or 0) * 100) == 18


@pytest.mark.parametrize("lines", [(), ("",), ("[console connected]", "root@fai-1:/#")])
def test_a_console_may_not_show_it(lines: tuple[str, ...]) -> None:
    assert progress(lines) is None


def test_a_recorded_install_is_told_in_its_order() -> None:
    shown = told(cleaned("good-install"))
    phases = [str(Progress.heard(one).phase) for one in shown]
    assert phases == [
        "Booting its kernel",
        "Detecting network hardware",
        "Detecting link on eth0",
        "Waiting for link-local address",
        "Configuring the network with DHCP",
        "Checking the Debian archive mirror",
        "Detecting disks and all other hardware",
        "Starting up the partitioner",
        "Guided partitioning",
        "Partitions formatting",
        "Installing the base system",
        "Configuring apt",
        "Select and install software",
        "Installing GRUB boot loader",
        "Finishing the installation",
        "Restarting",
        "Booting from its disk",
        "Booting its kernel",
    ]


def test_a_recorded_install_by_fai_is_told_in_its_order() -> None:
    shown = told(cleaned("good-fai"))
    assert shown[:5] == [
        "Fetching FAI's config space",
        "Setting FAI up",
        "Partitioning the disk",
        "Fetching the base system",
        "Unpacking the base system",
    ]
    assert shown[-3:] == ["Restarting", "Booting from its disk", "Booting its kernel"]


@pytest.mark.parametrize("name", GOOD)
def test_no_token_is_told(name: str) -> None:
    assert "token" not in " ".join(told(cleaned(name)))


@dataclass
class Machine:
    """A machine and its BMC that type a recorded console while the stage waits.

    It is the clock, too: with each wait the console goes on by `stride` bytes.
    """

    file: Path
    recorded: bytes
    stride: int = 8
    comes: bool = True
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    on: bool = True
    typed: int = 0

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        with self.file.open("ab") as console:
            console.write(self.recorded[self.typed : self.typed + self.stride])
        self.typed += self.stride

    def is_on(self, *_: object) -> bool:
        return self.on

    def set(self, *_: object, on: bool) -> None:
        self.on = on

    def boot_next(self, *_: object) -> None:
        assert not self.on

    def offer(self, *_: object) -> None:
        """Do nothing: what is offered lies in the file that is typed."""

    def offered(self, *_: object) -> str:
        return "debian-12"

    def fetched(self, *_: object) -> tuple[str, ...]:
        return ()

    def arrived(self, *_: object) -> Access | None:
        return ACCESS if self.comes and self.typed > len(self.recorded) else None

    def key(self, *_: object) -> str:
        return ""

    def run(self, *_: object) -> str:
        return ""

    def capture(self, _node: Node, path: str, _: object) -> AbstractContextManager[None]:
        assert path == str(self.file)
        return nullcontext()

    def tail(self, path: str, lines: int) -> tuple[str, ...]:
        return SolConsole(WarmChildren()).tail(path, lines)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    recorded = (FOLDER / "good-install.log").read_bytes()
    return Machine(file=tmp_path / "console-n1.log", recorded=recorded)


def provisioned(machine: Machine, *past: Event, seconds: float = 900) -> Iterator[Event]:
    """Yield what the stage yields."""
    unused: Any = None
    driver: Any = machine
    fields = dict.fromkeys(Kit.__dataclass_fields__, unused)
    drivers = {name: {name: driver} for name in ("power", "console", "boot")}
    kit = Kit(**{**fields, **drivers, "clock": machine, "shell": machine})
    bmc = Bmc(address="127.0.0.1", port=623, user="u", password=Secret("p"))
    node = Node(
        name="n1",
        mac="52:54:00:00:00:01",
        bmc=bmc,
        provenance=Provenance.EMULATED,
        capabilities=frozenset(),
        address="127.0.0.1",
        power="power",
        console="console",
        boot="boot",
    )
    role = Role(name="all", count=1, needs=frozenset(), install="debian-12", groups=())
    deploy, smoke = Deploy(play=""), Smoke(suite="")
    arch = Arch(name="kvm", summary="", roles=(role,), deploy=deploy, smoke=smoke)
    lease = Lease(node="n1", attempt=AttemptId("1/kvm/1"), role="all", token=1)
    task = Task(
        attempt=AttemptId("1/kvm/1"),
        arch=arch,
        snapshot=Snapshot(commit=Commit(repo="r", ref="main", sha="1" * 40), archive=""),
        hosts=(Host(node=node, lease=lease),),
        folder=str(machine.file.parent),
        past=past,
    )
    for event in provision(task, kit, Deadline(machine, seconds)):
        assert (event.stage, event.node) == (Stage.PROVISION, "n1")
        yield event


def test_the_stage_tells_how_far_a_machine_got(machine: Machine) -> None:
    began = machine.time
    heard = [(machine.time - began, event) for event in provisioned(machine)]
    kinds = [event.kind for _, event in heard]
    assert kinds[-2:] == [Kind.ARRIVED, Kind.READY]
    told = [(at, event.text) for at, event in heard if event.kind is Kind.PROGRESS]
    assert any(text.startswith("Installing the base system ") for _, text in told)
    for (sooner, said), (later, next_said) in pairwise(told):
        assert later - sooner >= QUIET
        assert said != next_said
    assert len(told) > 5


def test_after_a_kill_nothing_is_told_twice(machine: Machine) -> None:
    past: list[Event] = []
    for event in provisioned(machine):
        past.append(event)
        if event.text.startswith("Installing the base system"):
            break
    machine.stride = 0
    repeated = provisioned(machine, *past, seconds=20)
    with pytest.raises(BootTimeout, match="console last said: "):
        assert list(repeated) == []
    machine.stride = 8
    rest = [event for event in provisioned(machine, *past) if event.kind is Kind.PROGRESS]
    assert rest[0].text.startswith(("Installing the base system", "Configuring apt"))
    assert rest[0].text != past[-1].text


@pytest.mark.parametrize("name", GOOD)
def test_no_byte_of_a_recorded_install_ends_the_stage(machine: Machine, name: str) -> None:
    machine.recorded, machine.stride = (FOLDER / f"{name}.log").read_bytes(), 23
    assert [event.kind for event in provisioned(machine)][-1] is Kind.READY


@pytest.mark.parametrize("stride", [1, 7, 40, 4000])
@pytest.mark.parametrize("name", FAILED)
def test_the_stage_ends_when_the_console_says_why(machine: Machine, name: str, stride: int) -> None:
    recorded = (FOLDER / f"{name}.log").read_bytes()
    machine.file.write_bytes(recorded[:-1000])
    machine.recorded, machine.stride, machine.comes = recorded[-1000:], stride, False
    with pytest.raises((InfraError, ConfigError)) as end:
        list(provisioned(machine))
    blame, said = FAILED[name]
    assert said in str(end.value)
    assert isinstance(end.value, ConfigError) is (blame is Blame.CONFIG)
    assert end.value.node == "n1"


def test_a_boot_that_went_astray_ends_the_stage_at_once(machine: Machine) -> None:
    machine.recorded = (FOLDER / "no-dhcp-then-disk.log").read_bytes()
    machine.stride, machine.comes = 40, False
    with pytest.raises(InfraError, match=r"no DHCP offer; check its cable.* went on to boot its"):
        list(provisioned(machine))


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (b"Starting system log daemon: syslogd, klogd.\n", "it hangs: its console has been silent"),
        (b"Debian GNU/Linux 12 n1 ttyS0\n\nn1 login: ", "waits at its login prompt"),
    ],
)
def test_a_machine_that_falls_silent_is_said_to(machine: Machine, last: bytes, said: str) -> None:
    machine.recorded = b"SeaBIOS (version 1.16.2)\n" + last + b"\n[console lost: timeout]\n"
    machine.comes = False
    with pytest.raises(BootTimeout, match=said) as end:
        list(provisioned(machine, seconds=100))
    assert "console lost" not in str(end.value)
