"""The Redfish face of a lab's machine: our Redfish driver through it, our IPMI driver beside it."""

import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.redfish import Manners, RedfishPower
from orchestrator.lab import box
from orchestrator.lab.addresses import Plan
from orchestrator.lab.box import Box
from orchestrator.lab.faults import Fault, Setting, clear_fault, set_fault
from orchestrator.lab.labdir import endpoints, read_state
from orchestrator.lab.qemu.redfish import REDFISH_PORT, command
from orchestrator.model.errors import PowerDenied, PowerError, PowerUnchanged
from orchestrator.model.node import BootDevice, Node
from orchestrator.model.secret import Secret
from orchestrator.ports.power import Power
from tests.contract.power_law import within
from tests.contract.rig import wait_for

#: the emulator calls every override `Continuous`
MANNERS = Manners(gap=0, settle=3, tries=2, plain=True, reads_once=False)


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    running = box.start(tmp_path_factory.mktemp("lab"), nodes=2, speed=math.inf)
    yield running
    running.stop()


@contextmanager
def face(lab: Box, number: int, redfish: Power) -> Iterator[subprocess.Popen[bytes]]:
    """Run the Redfish face of a machine, from the time when it answers."""
    state = read_state(lab.folder)
    assert state
    argv = command(lab.folder, number, endpoints(Plan(subnet=state.subnet), number))
    with (lab.folder / f"face-{number}.log").open("a") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: answers(redfish, by_redfish(lab.nodes()[number - 1])), 60)
        yield process
    finally:
        process.kill()
        process.wait()


def answers(power: Power, node: Node) -> bool:
    with suppress(PowerError):
        power.is_on(node, within(5))
        return True
    return False


def by_redfish(node: Node) -> Node:
    return replace(node, power="redfish", bmc=replace(node.bmc, port=REDFISH_PORT))


@pytest.fixture(scope="module")
def redfish(children: WarmChildren) -> RedfishPower:
    return RedfishPower(children, MANNERS)


@pytest.fixture(scope="module")
def ipmi(children: WarmChildren) -> IpmiPower:
    return IpmiPower(children, gap=0, settle=3)


@pytest.fixture(scope="module")
def node(lab: Box, redfish: RedfishPower) -> Iterator[Node]:
    with face(lab, 1, redfish):
        yield lab.nodes()[0]


@pytest.fixture(autouse=True)
def _off(node: Node, lab: Box, ipmi: IpmiPower) -> None:
    lab.node_dir(node.name).faults.unlink(missing_ok=True)
    ipmi.set(node, within(20), on=False)


def commands(lab: Box, node: Node) -> str:
    return lab.node_dir(node.name).commands.read_text()


def test_both_faces_tell_one_truth(node: Node, redfish: RedfishPower, ipmi: IpmiPower) -> None:
    mine = by_redfish(node)
    redfish.set(mine, within(20), on=True)
    assert ipmi.is_on(node, within(20))
    ipmi.set(node, within(20), on=False)
    assert not redfish.is_on(mine, within(20))
    redfish.set(mine, within(20), on=True)
    redfish.set(mine, within(20), on=False)
    assert not ipmi.is_on(node, within(20))


def test_the_boot_device_reaches_the_machine(
    lab: Box, node: Node, redfish: RedfishPower, ipmi: IpmiPower
) -> None:
    mine = by_redfish(node)
    for device in BootDevice:
        redfish.boot_next(mine, device, within(20))
        before = commands(lab, node)
        ipmi.boot_next(node, device, within(20))  # which sends nothing when it is so already
        assert commands(lab, node) == before
    ipmi.boot_next(node, BootDevice.NETWORK, within(20))
    before = commands(lab, node)
    redfish.boot_next(mine, BootDevice.NETWORK, within(20))
    assert commands(lab, node) == before


def test_an_override_is_for_one_boot(lab: Box, node: Node, redfish: RedfishPower) -> None:
    mine = by_redfish(node)
    redfish.boot_next(mine, BootDevice.NETWORK, within(20))
    redfish.set(mine, within(20), on=True)
    wait_for(lambda: "PXE" in lab.node_dir(node.name).console.read_text(), 20)
    redfish.set(mine, within(20), on=False)
    before = commands(lab, node)
    redfish.boot_next(mine, BootDevice.NETWORK, within(20))
    assert commands(lab, node) != before


def test_the_faults_of_the_bmc_show_through_redfish(
    lab: Box, node: Node, redfish: RedfishPower
) -> None:
    mine, faults = by_redfish(node), lab.node_dir(node.name).faults
    set_fault(faults, Setting(fault=Fault.LYING))
    with pytest.raises(PowerUnchanged, match="accepted 'power on' but still reads off"):
        redfish.set(mine, within(20), on=True)
    clear_fault(faults, Fault.LYING)
    set_fault(faults, Setting(fault=Fault.BUSY))
    with pytest.raises(PowerError, match=r"is not ready: .*HTTP 503"):
        redfish.set(mine, within(20), on=True)
    clear_fault(faults, Fault.BUSY)
    redfish.set(mine, within(20), on=True)


def test_a_wrong_password_is_denied(node: Node, redfish: RedfishPower) -> None:
    mine = by_redfish(node)
    wrong = replace(mine, bmc=replace(mine.bmc, password=Secret("wrong")))
    with pytest.raises(PowerDenied, match="refuses the login"):
        redfish.set(wrong, within(20), on=True)


def test_a_face_that_died_comes_back_with_the_machines_state(
    lab: Box, redfish: RedfishPower, ipmi: IpmiPower
) -> None:
    second = lab.nodes()[1]
    mine = by_redfish(second)
    with face(lab, 2, redfish) as process:
        assert second.bmc.password.reveal().encode() not in cmdline(process)
        redfish.set(mine, within(20), on=True)
    assert ipmi.is_on(second, within(20))
    with face(lab, 2, redfish):
        assert redfish.is_on(mine, within(20))
        redfish.set(mine, within(20), on=False)
    assert not ipmi.is_on(second, within(20))


def cmdline(process: subprocess.Popen[bytes]) -> bytes:
    return Path(f"/proc/{process.pid}/cmdline").read_bytes()
