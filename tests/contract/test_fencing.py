"""Every driver that reaches machines, under the law of fencing: who lost the lease touches nothing.

The drivers are those that the wiring makes of a lab file with one of each; their verbs are read off
the ports. What is added to either is tried here without another word.
"""

import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.flow import Flow
from orchestrator.model.arch import Role
from orchestrator.model.errors import LeaseLost
from orchestrator.model.event import Event, Stage
from orchestrator.model.hypervisor import Login, Stray, StrayKind
from orchestrator.model.ids import AttemptId
from orchestrator.model.node import Access, BootDevice, Node
from orchestrator.model.run import Task
from orchestrator.model.secret import Secret
from orchestrator.ports.attest import Canary, Inspects
from orchestrator.ports.boot import Boot
from orchestrator.ports.clock import Deadline
from orchestrator.ports.console import Console
from orchestrator.ports.deploy import Deploy, Play
from orchestrator.ports.fence import Fence, is_harmless
from orchestrator.ports.hypervisor import Hypervisor
from orchestrator.ports.kit import Kit
from orchestrator.ports.power import Power
from orchestrator.ports.shell import Shell
from orchestrator.ports.smoke import Smoke, Suite
from orchestrator.ports.store import Enrolled
from orchestrator.ports.switch import Switch
from orchestrator.wiring.home import Home
from orchestrator.wiring.house import build_crew
from orchestrator.wiring.lab import LabParts, join_lab
from orchestrator.wiring.settings import Settings
from tests import hands
from tests.contract.rig import wait_for
from tests.contract.storing import start

PORTS = (Power, Console, Boot, Shell, Canary, Inspects, Deploy, Smoke, Switch, Hypervisor)
#: what a kit has besides: it reaches no machine of the lab
ELSEWHERE = {
    *("clock", "notify", "vault", "artifacts", "orphans", "slots", "queue", "nodes"),
    *("attestations", "events", "files", "orders", "contracts", "partners"),
}
#: verbs that read our own store or files; a new one has to be argued for here
HARMLESS = {
    *((Console, "tail"), (Boot, "arrived"), (Boot, "fetched"), (Boot, "offered"), (Boot, "key")),
}
TOUCHES = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
STARTS = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec")
LAB = """
[lab]
name = "one of each"
[images.debian]
suite = "bookworm"
kernel = "linux"
initrd = "initrd.gz"
mirror = "http://mirror.example.com/debian"
[switches.lines]
address = "127.0.0.1"
user = "u"
key = "key"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
vlans = "1000-1009"
join = ["{port} {vlan}"]
show = "{port}"
expect = "{vlan}"
[switches.netconf]
speaks = "netconf"
address = "127.0.0.1"
user = "u"
key = "key"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
vlans = "1100-1109"
[[nodes]]
name = "n0"
mac = "3c:ec:ef:00:00:01"
address = "127.0.0.1"
power = "ipmi"
switch = { name = "lines", port = "p0" }
bmc = { address = "127.0.0.1", user = "u", password = "file:secret" }
pdu = { address = "127.0.0.1", community = "file:secret", outlets = ["1"] }
[[nodes]]
name = "n1"
mac = "3c:ec:ef:00:00:02"
address = "127.0.0.2"
power = "redfish"
boot = "image"
switch = { name = "netconf", port = "p0" }
bmc = { address = "127.0.0.2", user = "u", password = "file:secret" }
"""


class Verb(NamedTuple):
    """A driver's verb, and what it is called with."""

    port: type
    driver: str
    name: str
    call: Callable[[Deadline], object]


class Touched:
    """What reached out of this process while it was watched."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.watching = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, _: object) -> None:
        if self.watching and event in {*TOUCHES, *STARTS}:
            self.seen.append(event)


TOUCHED = Touched()


@dataclass
class Rig:
    """A lab with one of each driver, its store, and an attempt that has both machines."""

    kit: Kit
    store: Store
    nodes: Mapping[str, Node]
    attempt: AttemptId
    folder: Path


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    for folder in ("reference_archs/suites/compute", "playbooks", "home", "plugs"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("linux", "initrd.gz", "playbooks/site.yml"):
        (tmp_path / name).touch()
    for name in ("key", "secret"):
        (tmp_path / name).write_text("s3cret")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "lab.toml").write_text(LAB)
    home = Home(folder=tmp_path / "home")
    lab = join_lab(Settings(home=home.folder, lab=tmp_path / "lab.toml"), home)
    yield from _opened(tmp_path, home, replace(lab, plugs=tmp_path / "plugs"))


def _opened(folder: Path, home: Home, lab: LabParts) -> Iterator[Rig]:
    lab = replace(lab, playbooks=folder / "playbooks", suites=folder / "reference_archs" / "suites")
    store = open_store(home.store_url)
    crew = build_crew(home, lab, store, "http://127.0.0.1:1", "worker")
    kit = replace(crew.kit, orphans=hands.NoOrphans())
    nodes = [Enrolled(name=name, capabilities=frozenset({"x86_64", "kvm"})) for name in lab.nodes]
    store.nodes.enrol(nodes, kit.clock.now())
    attempt = start(store, nodes=2)
    yield Rig(kit=kit, store=store, nodes=lab.nodes, attempt=attempt, folder=folder)
    crew.children.close()
    store.database.close()


def port_of(field: str) -> type | None:
    """Return the port of a kit's field, or None for what reaches no machine."""
    hint = typing.get_type_hints(Kit)[field]
    found = [kind for kind in (hint, *typing.get_args(hint)) if kind in PORTS]
    return found[0] if found else None


def drivers(kit: Kit) -> Iterator[tuple[type, str, Any]]:
    """Yield every driver of the kit that reaches machines: its port, name, and itself."""
    for field in fields(kit):
        port, found = port_of(field.name), getattr(kit, field.name)
        if port:
            named = found.items() if isinstance(found, Mapping) else [("", found)]
            yield from ((port, f"{field.name} {name}".strip(), driver) for name, driver in named)


def verbs_of(port: type) -> list[str]:
    return [name for name in vars(port) if not name.startswith("_")]


def verbs(kit: Kit, rig: Rig) -> Iterator[Verb]:
    """Yield every verb of every driver, called with whatever its port says that it takes."""
    for port, driver, found in drivers(kit):
        for name in verbs_of(port):
            hints = typing.get_type_hints(getattr(port, name))
            kinds = {
                k: hints[k]
                for k in inspect.signature(getattr(port, name)).parameters
                if k != "self"
            }

            def call(deadline: Deadline, found=found, name=name, kinds=kinds) -> object:  # noqa: ANN001
                given = {key: _sample(kind, key, rig, deadline) for key, kind in kinds.items()}
                return getattr(found, name)(**given)

            yield Verb(port, driver, name, call)


def _sample(kind: object, name: str, rig: Rig, deadline: Deadline) -> object:
    access = Access(address="127.0.0.1", port=9, user="u", host_key=_HOST_KEY, certificate="ab")
    samples: dict[object, object] = {
        Node: rig.nodes["n0"],
        Deadline: deadline,
        Access: access,
        AttemptId: rig.attempt,
        BootDevice: BootDevice.NETWORK,
        Role: Role(name="r", count=1, needs=frozenset(), install="debian", groups=()),
        Play: _play(rig),
        Suite: Suite(
            attempt=rig.attempt,
            suite="compute",
            tests="",
            settings=(),
            folder=str(rig.folder / "a"),
        ),
        Login: Login(
            address="127.0.0.1", port=9, user="u", password=Secret("p"), certificate="ab", node="n0"
        ),
        Stray: Stray(kind=StrayKind.GUEST, name="g", ref="1"),
        Sequence[str]: ["p0"],
        bool: True,
        int: 1,
        str: str(rig.folder / "key"),
        Callable[[], None]: deadline.check,
        Callable[[str], None]: lambda _: None,
    }
    assert kind in samples, f"say here what a verb's `{name}: {kind}` is given"
    return samples[kind]


def _play(rig: Rig) -> Play:
    return Play(
        attempt=rig.attempt,
        play="site.yml",
        hosts=(),
        settings=(),
        secrets=(),
        key=str(rig.folder / "key"),
        folder=str(rig.folder / "a"),
    )


_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def untouched(rig: Rig) -> None:
    assert TOUCHED.seen == []
    assert list((rig.folder / "plugs").iterdir()) == []


def refused(verb: Verb, deadline: Deadline) -> None:
    """Assert that the verb is refused, and touches nothing."""
    TOUCHED.seen, TOUCHED.watching = [], True
    try:
        verb.call(deadline)
        said = "was not refused"
    except LeaseLost:
        said = ""
    finally:
        TOUCHED.watching = False
    assert (verb.driver, verb.name, said) == (verb.driver, verb.name, "")
    assert (verb.driver, verb.name, TOUCHED.seen) == (verb.driver, verb.name, [])


def test_whatever_a_kit_has_is_fenced_or_reaches_no_machine() -> None:
    reaching = {field.name for field in fields(Kit) if port_of(field.name)}
    assert reaching | ELSEWHERE == {field.name for field in fields(Kit)}
    assert not reaching & ELSEWHERE
    harmless = {
        (port, verb) for port in PORTS for verb in verbs_of(port) if is_harmless(port, verb)
    }
    assert harmless == HARMLESS


def test_a_stale_walk_is_refused_by_every_driver_before_it_touches_anything(rig: Rig) -> None:
    tried: list[tuple[str, str]] = []

    def late(_task: Task, kit: Kit, _deadline: Deadline) -> Iterator[Event]:
        assert rig.store.queue.walk(rig.attempt, "another worker") == 2
        # a stage that makes a deadline of its own is no way around
        free = Deadline(kit.clock, 60)
        for verb in verbs(kit, rig):
            if not is_harmless(verb.port, verb.name):
                refused(verb, free)
                tried.append((verb.driver, verb.name))
        yield from ()

    order = tuple(
        (stage, late if stage is Stage.PROVISION else work)
        for stage, work in hands.Touching(rig.folder, 0).order()
    )
    walking = Flow(
        kit=rig.kit, runs=rig.store.runs, nodes=rig.nodes, root=str(rig.folder), order=order
    )
    with pytest.raises(LeaseLost):
        walking.walk(rig.attempt, lambda: None)
    untouched(rig)
    named = {driver for driver, _ in tried}
    assert named >= {
        *("power ipmi", "power redfish", "console sol", "boot install", "boot image"),
        *("shell", "canary", "deploy", "smoke", "inspects ipmi", "inspects redfish"),
        *("switches lines", "switches netconf", "switches segments"),
        *("sessions xenserver", "sessions hyperv", "sessions vmware"),
    }
    # the newest walk goes on
    rig.store.queue.guard(rig.attempt, 2)


def test_every_driver_asks_its_own_deadline_before_it_touches_anything(rig: Rig) -> None:
    def lost() -> None:
        raise LeaseLost

    for verb in verbs(rig.kit, rig):
        takes = typing.get_type_hints(getattr(verb.port, verb.name)).values()
        if Deadline in takes:
            refused(verb, Deadline(rig.kit.clock, 60, lost))
    untouched(rig)


def test_the_fence_lets_through_whom_the_guard_does() -> None:
    asked: list[None] = []

    class Shouting:
        """A shell that answers."""

        def run(self, *given: object) -> str:
            return f"ran {given[2]}"

    shell = Fence(lambda: asked.append(None)).around(Shell, Shouting())
    assert shell.run(None, "", "uptime", None) == "ran uptime"
    assert len(asked) == 1


def test_a_console_is_left_alone_once_the_lease_is_lost(rig: Rig, tmp_path: Path) -> None:
    def lost() -> None:
        raise LeaseLost

    (_, _, console) = next(found for found in drivers(rig.kit) if found[0] is Console)
    path = tmp_path / "console.log"
    TOUCHED.seen, TOUCHED.watching = [], True
    with console.capture(rig.nodes["n0"], str(path), lost):
        wait_for(lambda: path.exists() and "console left alone" in path.read_text())
    TOUCHED.watching = False
    untouched(rig)
