"""A busy day in the house: runs that passed, failed, broke and were tried again, wait and run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha1
from pathlib import Path

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId, CellId, RunId, cell_id
from orchestrator.model.node import Access, NodeState
from orchestrator.model.request import Commit, Request, Snapshot
from orchestrator.model.result import Outcome, TestResult
from orchestrator.model.run import Plan
from orchestrator.model.verdict import Blame, Ruling, Verdict
from orchestrator.stages.lease import schedule
from tests.unit.web_house import Furnished

MAC_ERROR = (
    "test_two_nics: the second NIC never answered: XenAPIError: MAC_INVALID: instance has no "
    "column mac_address (and 2 more of 14 tests)"
)
NEVER_ARRIVED = (
    "n03 did not call home within 1800 s: it fetched script, kernel; its console last said: "
    "PXE-E32: TFTP open timeout"
)
TESTS = (
    "test_boot_a_server",
    "test_keypair_reaches_the_server",
    "test_security_group_closes_a_port",
    "test_image_upload",
    "test_volume_attach",
    "test_object_container",
    "test_two_nics",
)


@dataclass
class Scene:
    """Writes a history into a house, at times of its own."""

    home: Furnished
    now: datetime

    def ask(self, ref: str, subject: str, archs: Sequence[str] = (), reason: str = "") -> RunId:
        """Store a run as if `ref` had been resolved."""
        lab = self.home.house.library.lab
        sha = sha1(f"{ref} {subject}".encode(), usedforsecurity=False).hexdigest()
        commit = Commit(repo="sample", ref=ref, sha=sha, subject=subject)
        chosen = tuple(lab.archs[name] for name in (archs or lab.archs))
        request = Request(repo="sample", ref=ref, requester="ada", reason=reason)
        plan = Plan(snapshot=Snapshot(commit=commit, archive=""), archs=chosen)
        return self.home.store.runs.add(request, plan, {}, self.now).id

    def grant(self) -> None:
        """Give machines to whoever is next."""
        self.home.store.queue.grant(schedule, self.now)

    def tell(self, attempt: str, *events: Event, seconds: float = 1.0) -> None:
        """Store events, one every few seconds."""
        for event in events:
            self.now += timedelta(seconds=seconds)
            self.home.store.events.append(AttemptId(attempt), [event], self.now)

    def provision(self, attempt: str, seconds: float = 4.0) -> None:
        """Install the attempt's machines."""
        nodes = [lease.node for lease in self.home.store.queue.leases(AttemptId(attempt))]
        stage = Stage.PROVISION
        self.tell(attempt, Event(kind=Kind.STARTED, stage=stage))
        for kind, text in (
            (Kind.POWERED_OFF, "power reads off"),
            (Kind.OFFERED, "debian-12 offered"),
            (Kind.POWERED_ON, "power reads on"),
        ):
            self.tell(attempt, *(Event(kind=kind, stage=stage, node=n, text=text) for n in nodes))
        for index, node in enumerate(nodes):
            access = Access(address="127.0.7.1", port=22022 + index, user="root", host_key="")
            arrived = Event(kind=Kind.ARRIVED, stage=stage, node=node, access=access)
            self.tell(attempt, replace(arrived, text="installed and called home"), seconds=seconds)
        self.tell(attempt, Event(kind=Kind.FINISHED, stage=stage))

    def deploy(self, attempt: str) -> None:
        """Lay the product down."""
        stage = Stage.DEPLOY
        self.tell(
            attempt,
            Event(kind=Kind.STARTED, stage=stage),
            Event(kind=Kind.PROGRESS, stage=stage, text="Unpack the product"),
            Event(kind=Kind.PROGRESS, stage=stage, text="product: start the compute service"),
            Event(kind=Kind.DEPLOYED, stage=stage, text="41 changes"),
            Event(kind=Kind.FINISHED, stage=stage),
            seconds=2.2,
        )

    def smoke(self, attempt: str, red: Sequence[str] = (), message: str = "") -> None:
        """Run the suite, of which `red` fail."""
        tests = tuple(
            TestResult(
                name=f"compute/test_servers.py::{name}",
                outcome=Outcome.FAILED if name in red else Outcome.PASSED,
                seconds=1.3,
                message=message if name in red else "",
            )
            for name in TESTS
        )
        said = f"{len(tests) - len(red)} passed" + (f", {len(red)} failed" if red else "")
        stage = Stage.SMOKE
        self.tell(
            attempt,
            Event(kind=Kind.STARTED, stage=stage),
            Event(kind=Kind.TESTED, stage=stage, tests=tests, text=said),
            seconds=4.4,
        )
        failed = Event(kind=Kind.FAILED, stage=stage, text=message, blame=Blame.PRODUCT)
        self.tell(attempt, failed if red else Event(kind=Kind.FINISHED, stage=stage))

    def judge(self, attempt: str, ruling: Ruling, *, retry: bool = False) -> None:
        """Settle the attempt, and give its machines back."""
        judged = Event(kind=Kind.JUDGED, stage=Stage.VERDICT, ruling=ruling, text=ruling.cause)
        self.now += timedelta(seconds=0.4)
        again = frozenset(ruling.suspects) if retry else None
        self.home.store.events.append(AttemptId(attempt), [judged], self.now, retry=again)
        self.tell(
            attempt,
            Event(kind=Kind.STARTED, stage=Stage.RELEASE),
            Event(kind=Kind.FREED, stage=Stage.RELEASE, text="machines wiped and given back"),
            Event(kind=Kind.FINISHED, stage=Stage.RELEASE),
            seconds=0.3,
        )
        self.home.store.queue.release(AttemptId(attempt))

    def passes(self, attempt: str) -> None:
        """Walk the attempt to green."""
        self.provision(attempt)
        self.deploy(attempt)
        self.smoke(attempt)
        self.judge(attempt, Ruling(verdict=Verdict.PASSED))

    def fails(self, attempt: str, cause: str, red: Sequence[str] = ("test_two_nics",)) -> None:
        """Walk the attempt to a failing test."""
        self.provision(attempt)
        self.deploy(attempt)
        self.smoke(attempt, red=red, message=cause)
        self.judge(attempt, Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=cause))

    def breaks(self, attempt: str, node: str, cause: str, *, retry: bool = True) -> None:
        """Let a machine of the attempt not arrive; another try is queued."""
        stage = Stage.PROVISION
        self.tell(attempt, Event(kind=Kind.STARTED, stage=stage))
        failed = Event(kind=Kind.FAILED, stage=stage, text=cause, node=node, blame=Blame.INFRA)
        self.tell(attempt, failed, seconds=30)
        self.judge(
            attempt,
            Ruling(verdict=Verdict.BROKEN, blame=Blame.INFRA, cause=cause, suspects=(node,)),
            retry=retry,
        )
        self.home.store.nodes.mark(node, AttemptId(attempt), "1a2b3c4d5e", self.now)

    def keep(self, attempt: str, name: str, text: str) -> Path:
        """Write a file that the attempt keeps."""
        path = self.home.files / attempt / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(text)
        return path

    def cells(self, run: RunId) -> list[CellId]:
        """Return the run's cells."""
        return [cell.id for cell in self.home.store.runs.cells(run)]

    def walk_all(self, run: RunId, red: Sequence[str] = (), cause: str = "") -> None:
        """Walk every cell of the run to its end, as machines become free; `red` archs fail."""
        left = self.cells(run)
        while left:
            self.grant()
            held = [c for c in left if self.home.store.queue.leases(AttemptId(f"{c}/1"))]
            for cell in held:
                failing = cell.partition("/")[2] in red
                self.fails(f"{cell}/1", cause) if failing else self.passes(f"{cell}/1")
                left.remove(cell)


def busy_day(home: Furnished) -> Scene:
    """Write a day's history: six runs, the newest under way."""
    scene = Scene(home, home.clock.now() - timedelta(hours=5))
    scene.walk_all(scene.ask("trunk", "Let volumes be detached twice"))
    scene.now += timedelta(minutes=40)
    scene.walk_all(
        scene.ask("flaky-volumes", "Attach volumes without waiting", reason="is it the lock?"),
        red=("hyperv-flat", "kvm-vlan"),
        cause="test_volume_attach: the volume was still 'attaching' after 60 s",
    )
    scene.now += timedelta(minutes=30)
    nowhere = scene.ask("does-not-start", "Read the driver's name from the flag file")
    _does_not_start(scene, nowhere)
    scene.now += timedelta(minutes=35)
    scene.walk_all(
        scene.ask("multi-nic", "Move the MAC address to a table of its own"),
        red=("xenserver-flat", "xenserver-vlan", "hyperv-flat", "hyperv-vlan", "kvm+xenserver"),
        cause=MAC_ERROR,
    )
    scene.now = home.clock.now() - timedelta(minutes=9)
    _broken(scene)
    scene.now = max(scene.now, home.clock.now() - timedelta(seconds=100))
    home.store.nodes.set_state(
        "n03", NodeState.QUARANTINED, "broke 2 commits that pass on other machines", scene.now
    )
    home.store.nodes.set_state("n10", NodeState.DRAINED, "new disk on order", scene.now)
    _under_way(scene)
    return scene


def _does_not_start(scene: Scene, run: RunId) -> None:
    cause = "start the compute service failed on n01: KeyError: 'compute_driver'"
    left = scene.cells(run)
    home = scene.home
    while left:
        scene.grant()
        for cell in [c for c in left if home.store.queue.leases(AttemptId(f"{c}/1"))]:
            attempt = f"{cell}/1"
            scene.provision(attempt)
            failed = Event(kind=Kind.FAILED, stage=Stage.DEPLOY, text=cause, blame=Blame.PRODUCT)
            scene.tell(attempt, Event(kind=Kind.STARTED, stage=Stage.DEPLOY), failed, seconds=3)
            ruling = Ruling(verdict=Verdict.FAILED, blame=Blame.PRODUCT, cause=cause)
            scene.judge(attempt, ruling)
            left.remove(cell)


def _broken(scene: Scene) -> None:
    run = scene.ask("trunk", "Merge: volumes are detached once", ("kvm-flat", "kvm-vlan"))
    scene.grant()
    scene.breaks(f"{cell_id(run, 'kvm-flat')}/1", "n03", NEVER_ARRIVED)
    scene.passes(f"{cell_id(run, 'kvm-vlan')}/1")
    scene.grant()
    scene.passes(f"{cell_id(run, 'kvm-flat')}/2")


def _under_way(scene: Scene) -> None:
    run = scene.ask("multi-nic", "Keep the MAC address where XenServer looks for it")
    home = scene.home
    home.store.queue.cancel(AttemptId(f"{cell_id(run, 'vmware-vlan')}/1"), scene.now)
    scene.grant()
    cells = [c for c in scene.cells(run) if home.store.queue.leases(AttemptId(f"{c}/1"))]
    scene.passes(f"{cells[0]}/1")
    scene.provision(f"{cells[1]}/1")
    scene.tell(f"{cells[1]}/1", Event(kind=Kind.STARTED, stage=Stage.DEPLOY))
    first = home.store.queue.leases(AttemptId(f"{cells[1]}/1"))[0].node
    scene.keep(f"{cells[1]}/1", f"console-{first}.log", "PXE\x1b[1;32m ok\x1b[0m\nDebian\n")
    scene.keep(f"{cells[1]}/1", "logs.tar.gz", "\x1f")
    scene.tell(f"{cells[2]}/1", Event(kind=Kind.STARTED, stage=Stage.PROVISION))
    scene.grant()
