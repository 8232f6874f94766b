"""Xen for real: a node is rebooted into it by our play, and our suite boots guests there."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.deploy.ansible import AnsibleDeploy
from orchestrator.drivers.smoke.pytests import PytestSmoke
from orchestrator.model.ids import AttemptId
from orchestrator.model.result import Outcome, PlayResult
from orchestrator.ports.clock import Deadline
from orchestrator.ports.deploy import Play, PlayHost
from orchestrator.ports.smoke import Suite
from tests.real import fai_node, xen_node
from tests.real.xen_node import Node

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can build the node's disk"),
    pytest.mark.skipif(
        bool(xen_node.missing()),
        reason=f"packages are missing: apt install {' '.join(xen_node.missing())}",
    ),
]

TREE = Path(__file__).parents[2]
DEPLOY_SECONDS = 1500.0
SMOKE_SECONDS = 900.0
TESTS = {
    "test_guest::test_hypervisor_answers",
    "test_guest::test_guest_boots",
    "test_guest::test_guest_is_removed",
    "test_network::test_guest_answers_on_every_network",
    "test_network::test_two_nics",
    "test_network::test_frames_leave_as_the_model_says",
    "test_volume::test_volume_reaches_the_guest",
}


#: five tasks of domain 0 at once, on two processors, each in the widest registers that it sees
DIGESTS = """python3 -c '
import hashlib, os, time
for _ in range(4):
    if not os.fork():
        break
found, end = set(), time.monotonic() + 15
while time.monotonic() < end:
    found.add(hashlib.sha512(b"registers" * 7000).hexdigest())
    time.sleep(0.001)
print(*found)
'; sleep 3"""
DIGEST = hashlib.sha512(b"registers" * 7000).hexdigest()


def ask(node: Node, command: str) -> str:
    """Return what a command prints there."""
    return fai_node.ssh(node.folder, node.port, node.access().host_key, command, 120)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """A node with Xen's packages, that was never booted."""
    return xen_node.build(tmp_path_factory.mktemp("xen") / "node")


class Attempt:
    """What the orchestrator does to an installed node, by its own drivers."""

    def __init__(self, node: Node, folder: Path, network: str) -> None:
        """Take the node, a folder for evidence, and the network model."""
        self._node = node
        self._folder = folder
        self._settings = (("hypervisor", "xen"), ("network_model", network))
        self._id = AttemptId(f"1/xen-guest-{network}/1")
        self.told: list[str] = []

    def deploy(self) -> PlayResult:
        """Run the play."""
        host = PlayHost(name="node", groups=("hypervisors",), access=self._node.access())
        play = Play(
            attempt=self._id,
            play="hypervisor.yml",
            hosts=(host,),
            settings=(*self._settings, ("attempt_dir", str(self._folder))),
            secrets=(),
            key=str(self._node.key),
            folder=str(self._folder),
        )
        driver = AnsibleDeploy(TREE / "playbooks", "real", None)
        return driver.run(play, self.told.append, Deadline(SystemClock(), DEPLOY_SECONDS))

    def smoke(self) -> dict[str, str]:
        """Run the suite; return each test's outcome, or what it says if it is not `passed`."""
        suite = Suite(
            attempt=self._id,
            suite="guests",
            tests="",
            settings=self._settings,
            folder=str(self._folder),
        )
        driver = PytestSmoke(TREE / "reference_archs" / "suites", "real")
        deadline = Deadline(SystemClock(), SMOKE_SECONDS)
        results = driver.run(suite, self.told.append, deadline)
        return {
            result.name: result.outcome
            if result.outcome is Outcome.PASSED
            else f"{result.outcome}: {result.message}"
            for result in results
        }


@pytest.mark.parametrize("network", ["flat", "vlan"])
def test_node_runs_paravirtual_guests_under_xen(disk: Node, tmp_path: Path, network: str) -> None:
    """The play boots the node into Xen, once; the whole suite of guests is green there."""
    attempt = Attempt(disk, tmp_path, network)
    with xen_node.power(disk):
        begun = time.monotonic()
        assert attempt.deploy().ok, attempt.told
        deployed = time.monotonic()
        found = attempt.smoke()
        done = time.monotonic()
        assert set(found) == TESTS
        assert set(found.values()) == {Outcome.PASSED}, found
        assert "(XEN) Xen version 4." in disk.console, "it was never rebooted into Xen"
        assert ask(disk, "cat /sys/hypervisor/guest_type").strip() == "PV"
        assert {*ask(disk, DIGESTS).split()} == {DIGEST}, "registers are lost between tasks"
        again = attempt.deploy()
        assert again.ok
        reboots = [line for line in attempt.told if line.startswith("product: reboot into Xen")]
        assert len(reboots) <= 1, "a second deploy rebooted a machine that ran Xen already"
    times = f"deploy {deployed - begun:.0f} s, suite {done - deployed:.0f} s"
    print(f"xen-guest-{network}: {times}, load {os.getloadavg()[0]:.1f}")
