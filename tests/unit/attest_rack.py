"""A machine of files, a BMC in memory and a real store: what the attest stage is tested on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.drivers.attest.shell import ShellCanary
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.lab import hardware
from orchestrator.lab.labdir import NodeDir
from orchestrator.model.arch import Arch, Deploy, Role, Smoke
from orchestrator.model.attestation import BmcReport, SelfReport
from orchestrator.model.errors import InfraError
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Lease
from orchestrator.model.node import Access, Bmc, Node, NodeState, Provenance
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.run import Host, Task
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.ports.kit import Kit
from orchestrator.ports.store import Enrolled
from orchestrator.service.inventory import Inventory
from orchestrator.stages.attest import attest
from tests.unit.web_house import StillEngine

ACCESS = Access(address="192.0.2.7", port=22, user="root", host_key="ssh-ed25519 AAAA")
MAC = "52:54:00:00:00:01"
USERS = "2 admin administrator"


@dataclass
class HereShell:
    """Runs what would run on the machine here, with the machine's home and hardware."""

    folder: NodeDir
    home: str
    answer: str | None = None

    def run(self, access: Access, key: str, command: str, deadline: Deadline) -> str:
        """Return what it prints."""
        deadline.check()
        assert (access, key) == (ACCESS, "the key of 1/kvm/1")
        if self.answer is not None:
            return self.answer
        there = {hardware.ROOT: str(self.folder.hardware), "HOME": self.home}
        command = ["sh", "-c", command]
        done = subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], **there},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout.strip()


@dataclass
class OneBmc:
    """A BMC in memory, spoken to by one of our power drivers or by somebody else's."""

    on: bool = True
    users: str = USERS
    error: Exception | None = None
    conversations: int = 0

    def inspect(self, node: Node, deadline: Deadline) -> BmcReport:
        """Return what it is set to."""
        return BmcReport(powered=self.is_on(node, deadline), facts=(("bmc-users", self.users),))

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        """Return what it is set to."""
        deadline.check()
        assert node.name == "n1"
        self.conversations += 1
        if self.error:
            raise self.error
        return self.on


@dataclass
class Installed:
    """A boot driver of which only the key is asked for, and what it offered."""

    source: str = "debian-12"

    def offered(self, node: Node, attempt: AttemptId) -> str:
        """Return what it is set to."""
        assert (node.name, attempt) == ("n1", "1/kvm/1")
        return self.source

    def key(self, attempt: AttemptId) -> str:
        """Return its name."""
        return f"the key of {attempt}"


@dataclass
class OffClock:
    """The present, or somewhat off it."""

    off: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.off

    def sleep(self, seconds: float) -> None:
        """Return at once."""


@dataclass
class Saying:
    """A canary that says what it is told to."""

    report: SelfReport

    def look(self, access: Access, key: str, deadline: Deadline) -> SelfReport:
        """Return it, to who asks as one should."""
        deadline.check()
        assert (access, key) == (ACCESS, "the key of 1/kvm/1")
        return self.report


@dataclass
class Rack:
    """One machine, what it runs on, and what is known of it."""

    kit: Kit
    shell: HereShell
    bmc: OneBmc
    boot: Installed
    clock: OffClock
    store: Store
    node: Node
    hardware: Path

    def attest(self, *past: Event) -> list[Event]:
        """Return what the stage yields."""
        return list(attest(self.task(*past), self.kit, Deadline(self.clock, 300)))

    def task(self, *past: Event) -> Task:
        """Return the attempt that has the machine."""
        arrived = Event(
            kind=Kind.ARRIVED, stage=Stage.PROVISION, node=self.node.name, access=ACCESS
        )
        role = Role(name="all", count=1, needs=frozenset(), install="debian-12", groups=())
        arch = Arch(
            name="kvm", summary="", roles=(role,), deploy=Deploy(play=""), smoke=Smoke(suite="")
        )
        snapshot = Snapshot(commit=Commit(repo="r", ref="main", sha="1" * 40), archive="")
        lease = Lease(node=self.node.name, attempt=AttemptId("1/kvm/1"), role="all", token=1)
        return Task(
            attempt=AttemptId("1/kvm/1"),
            arch=arch,
            snapshot=snapshot,
            hosts=(Host(node=self.node, lease=lease),),
            folder="",
            past=(arrived, *past),
        )

    def refused(self) -> InfraError:
        """Return the error that the stage ends with, which names the machine."""
        with pytest.raises(InfraError) as caught:
            self.attest()
        assert caught.value.node == "n1"
        assert "n1" in str(caught.value)
        return caught.value

    def standing(self) -> tuple[NodeState, str]:
        """Return whether the machine may be leased, and why not."""
        (status,) = self.store.nodes.all()
        return status.state, status.reason

    def restore(self) -> None:
        """Trust the machine, as a person does."""
        Inventory(
            clock=self.clock,
            nodes=self.store.nodes,
            attestations=self.store.attestations,
            engine=StillEngine(),
        ).restore(self.node.name)


@contextmanager
def racked(folder: Path) -> Iterator[Rack]:
    """Yield one sound machine that nobody knows yet."""
    here = NodeDir(lab=folder, number=1)
    hardware.build(here, MAC)
    store = open_store(f"sqlite:///{folder}/store.sqlite")
    clock, bmc, boot = OffClock(), OneBmc(), Installed()
    store.nodes.enrol([Enrolled(name="n1", capabilities=frozenset())], clock.now())
    shell = HereShell(folder=here, home=str(folder))
    yield Rack(
        kit=_kit(store, shell, bmc, boot, clock),
        shell=shell,
        bmc=bmc,
        boot=boot,
        clock=clock,
        store=store,
        node=_node(),
        hardware=here.hardware,
    )
    store.database.close()


def _node() -> Node:
    return Node(
        name="n1",
        mac=MAC.upper(),
        bmc=Bmc(address="127.0.0.1", port=623, user="u", password=Secret("p")),
        provenance=Provenance.SIMULATED,
        capabilities=frozenset(),
        address="127.0.0.1",
        boot="install",
    )


def _kit(store: Store, shell: HereShell, bmc: OneBmc, boot: Installed, clock: OffClock) -> Kit:
    unused: Any = None
    return Kit(
        clock=clock,
        power={"ipmi": bmc},  # type: ignore[dict-item]
        console={},
        boot={"install": boot},  # type: ignore[dict-item]
        shell=shell,
        canary=ShellCanary(shell),
        inspects={"ipmi": bmc},
        deploy=unused,
        smoke=unused,
        notify=(),
        vault=unused,
        artifacts=unused,
        orphans=unused,
        slots=unused,
        queue=store.queue,
        nodes=store.nodes,
        attestations=store.attestations,
        events=store.events,
        files=unused,
        orders=store.orders,
        contracts={},
        partners={},
    )
