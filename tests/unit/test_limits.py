"""How many machines are installed at once, from the lab file to the walks that begin.

Lab file, store, scheduler and the flow's pass are the real ones; nobody walks.
"""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.config import labfile
from orchestrator.config.labfile import LabFile
from orchestrator.drivers.store.opened import Store, open_store
from orchestrator.flow import Flow
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Reason
from orchestrator.ports.engine import Engine
from orchestrator.ports.store import Enrolled
from tests.contract.storing import arch, ask, plan, queue_of
from tests.hands import kit

HEAD = """\
[lab]
name = "rack-2"
"""
#: three machines in one chassis, two on one strip, one by itself
CHASSIS, STRIP = "10.20.1.1", "10.20.2.1"
RACK = {"c1": CHASSIS, "c2": CHASSIS, "c3": CHASSIS, "s1": "10.20.1.4", "s2": "10.20.1.5"}
RACK["free"] = "10.20.1.6"
#: seconds in which a pass comes that rests after the last one
PATIENCE = 30.0


class Begun(Engine):
    """The attempts whose walks would begin now."""

    def __init__(self) -> None:
        self.attempts: list[AttemptId] = []

    def start(self, attempt: AttemptId) -> None:
        self.attempts.append(attempt)


def lab_file(folder: Path, limits: str) -> LabFile:
    """Return what is read of a lab file with these limits."""
    for name in ("bmc", "pdu"):
        (folder / name).write_text(secrets.token_hex(8))
        (folder / name).chmod(0o600)
    words = [HEAD, f"[limits]\n{limits}\n"]
    for number, (name, bmc) in enumerate(RACK.items(), 1):
        words.append(
            f'[[nodes]]\nname = "{name}"\nmac = "3c:ec:ef:00:00:{number:02}"\n'
            f'capabilities = ["kvm", "x86_64"]\naddress = "10.20.0.{number}"\n'
            f'bmc = {{ address = "{bmc}", port = {622 + number}, user = "root", '
            f'password = "file:bmc" }}\n'
        )
        if name.startswith("s"):
            words.append(
                f'pdu = {{ address = "{STRIP}", community = "file:pdu", outlets = ["{number}"] }}\n'
            )
    path = folder / "lab.toml"
    path.write_text("".join(words))
    return labfile.load(path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    opened.database.close()


def rack(store: Store, folder: Path, limits: str) -> Flow:
    """Return the flow over the machines of such a lab file, with a cell waiting for each."""
    read = lab_file(folder, limits)
    nodes = {node.name: node for node in read.nodes}
    declared = [Enrolled(name=n.name, capabilities=n.capabilities) for n in nodes.values()]
    store.nodes.enrol(declared, datetime.now(UTC))
    for number in range(len(nodes)):
        ask(store, plan(arch("kvm")), requester=f"person-{number}")
    return Flow(kit=kit(store), runs=store.runs, nodes=nodes, root=str(folder), limits=read.limits)


def begun(store: Store, flow: Flow, most: int) -> list[str]:
    """Return the machines that begin to be installed now: the next pass that gives any."""
    engine, end = Begun(), time.monotonic() + PATIENCE
    while not engine.attempts and time.monotonic() < end:
        flow.tick(engine, woken=True)
        time.sleep(0.01)
    time.sleep(0.1)
    flow.tick(engine, woken=True)
    assert len(engine.attempts) <= most
    return [lease.node for one in engine.attempts for lease in store.queue.leases(one)]


def installed(store: Store, nodes: list[str]) -> None:
    """Tell that these machines are installed; they stay leased."""
    holders = {status.name: status.holder for status in store.nodes.all()}
    for node in nodes:
        over = Event(kind=Kind.FINISHED, stage=Stage.PROVISION, node=node)
        store.events.append(AttemptId(holders[node]), [over], datetime.now(UTC))


def shared(nodes: list[str]) -> Counter[str]:
    """Return how many of these machines share what."""
    chassis = sum(RACK[node] == CHASSIS for node in nodes)
    return Counter(bmc=chassis, pdu=sum(node.startswith("s") for node in nodes), boot=len(nodes))


@pytest.mark.parametrize(
    ("limits", "rounds"),
    [
        ("", [[6]]),
        ("bmc = 1", [[4, 1, 1]]),
        ("pdu = 1", [[5, 1]]),
        ("boot = 2", [[2, 2, 2]]),
        # who comes first is by lot, and the chassis alone takes three rounds
        ("bmc = 1\npdu = 1\nboot = 2", [[2, 2, 2], [2, 2, 1, 1]]),
    ],
)
def test_so_many_are_installed_at_once_as_the_lab_file_says(
    store: Store, tmp_path: Path, limits: str, rounds: list[list[int]]
) -> None:
    flow = rack(store, tmp_path, limits)
    seen: list[int] = []
    while sum(seen) < len(RACK):
        nodes = begun(store, flow, len(RACK))
        found = shared(nodes)
        assert all(found[kind] <= most for kind, most in flow.limits.items())
        if waiting := queue_of(store):
            whys = [item.why for item in waiting]
            assert all(why is not None and why.reason is Reason.LIMIT for why in whys), whys
        installed(store, nodes)
        seen.append(len(nodes))
    assert seen in rounds
