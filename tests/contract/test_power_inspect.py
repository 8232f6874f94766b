"""The law of inspection: a power driver that also tells what a BMC says of itself."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.redfish import RedfishPower
from orchestrator.lab.faults import Fault
from orchestrator.model.attestation import UNTOLD, Fact
from orchestrator.model.errors import Cancelled, PowerDenied, PowerError
from orchestrator.model.node import BootDevice, Node
from orchestrator.model.secret import Secret
from orchestrator.ports.attest import Inspects
from orchestrator.ports.clock import Deadline
from tests.contract.power_law import within
from tests.contract.test_power import BmcDevice, start_bmcs
from tests.contract.test_power_redfish import MANNERS, OURS, RedfishDevice, emulated, system
from tests.unit import lab_rig
from tests.unit.lab_rig import Live, Rig


@pytest.fixture(scope="module")
def power() -> Iterator[IpmiPower]:
    children = WarmChildren()
    yield IpmiPower(children, gap=0, settle=2, patience=2, tries=2)
    children.close()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with lab_rig.live(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def rig(live: Live) -> Iterator[Rig]:
    with live.rig() as machine:
        yield machine


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BmcDevice]:
    """Yield a BMC that knows no command about users."""
    for (device,) in start_bmcs(tmp_path_factory.mktemp("bmc"), 1):
        yield device


def facts(power: IpmiPower, node: Node) -> dict[str, str]:
    return dict(power.inspect(node, within(10)).facts)


def test_a_driver_that_inspects_is_known_by_it(power: IpmiPower) -> None:
    assert isinstance(power, Inspects)


def test_users_firmware_and_next_boot_are_told_in_one_conversation(
    power: IpmiPower, rig: Rig
) -> None:
    report = power.inspect(rig.node, within(10))
    assert not report.powered
    assert dict(report.facts) == {
        Fact.BMC_USERS: "2 admin administrator",
        Fact.BMC_FIRMWARE: "1.00 of 0/0",
        Fact.BOOT_NEXT: "nothing set",
    }
    assert power.inspect(rig.node, within(10)) == report
    power.set(rig.node, within(10), on=True)
    assert power.inspect(rig.node, within(10)).powered


def test_what_a_client_changes_is_told(power: IpmiPower, rig: Rig) -> None:
    rig.ipmi("set_user_name", 4, "ops")
    assert facts(power, rig.node)[Fact.BMC_USERS] == "2 admin administrator"
    rig.ipmi("set_user_access", 4, 1, False, True, True, "operator")
    assert facts(power, rig.node)[Fact.BMC_USERS] == "2 admin administrator; 4 ops operator"
    listed = rig.ipmi("get_user", 4)
    assert (listed["name"], listed["access"]["privilege_level"]) == ("ops", "operator")
    rig.ipmi("set_user_access", 4, 1, False, True, True, "no_access")
    assert facts(power, rig.node)[Fact.BMC_USERS] == "2 admin administrator"


def test_a_boot_that_is_set_still_is_told(power: IpmiPower, rig: Rig) -> None:
    power.boot_next(rig.node, BootDevice.NETWORK, within(10))
    assert facts(power, rig.node)[Fact.BOOT_NEXT] == "network"
    power.boot_next(rig.node, BootDevice.DISK, within(10))
    assert facts(power, rig.node)[Fact.BOOT_NEXT] == "hd"
    power.set(rig.node, within(10), on=True)
    assert facts(power, rig.node)[Fact.BOOT_NEXT] == "nothing set"


def test_what_a_bmc_cannot_tell_is_said_to_be_untold(power: IpmiPower, plain: BmcDevice) -> None:
    plain.forget()
    report = power.inspect(plain.node(), within(10))
    assert dict(report.facts)[Fact.BMC_USERS] == UNTOLD
    assert dict(report.facts)[Fact.BMC_FIRMWARE] != UNTOLD
    assert plain.commands() == []


def test_a_refused_login_is_denied(power: IpmiPower, plain: BmcDevice) -> None:
    node = plain.node()
    wrong = replace(node, bmc=replace(node.bmc, password=Secret("not it")))
    with pytest.raises(PowerDenied) as caught:
        power.inspect(wrong, within(10))
    assert caught.value.node == node.name


def test_a_silent_bmc_is_a_power_error_in_time(power: IpmiPower, rig: Rig) -> None:
    rig.break_it(Fault.DEAD)
    began = time.monotonic()
    with pytest.raises(PowerError) as caught:
        power.inspect(rig.node, within(4))
    assert caught.value.node == rig.node.name
    assert time.monotonic() - began < 6


def test_a_slow_bmc_is_heard_out(power: IpmiPower, rig: Rig) -> None:
    rig.break_it(Fault.SLOW, chance=0.3)
    report = power.inspect(rig.node, within(60))
    assert UNTOLD not in dict(report.facts).values()


def test_the_guard_ends_it(power: IpmiPower, rig: Rig) -> None:
    rig.break_it(Fault.DEAD)
    clock = within(10)._clock

    def guard() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        power.inspect(rig.node, Deadline(clock, 10, guard))


ACCOUNTS = [
    {"UserName": "root", "RoleId": "Administrator", "Enabled": True},
    {"UserName": "", "RoleId": "None", "Enabled": False},
    {"UserName": "watch", "RoleId": "ReadOnly", "Enabled": False},
]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedfishDevice]:
    with emulated(tmp_path_factory.mktemp("redfish"), [system(3, OURS)]) as device:
        yield device


@pytest.fixture(scope="module")
def redfish() -> Iterator[RedfishPower]:
    children = WarmChildren()
    yield RedfishPower(children, MANNERS)
    children.close()


def test_redfish_tells_users_firmware_and_next_boot(
    redfish: RedfishPower, door: RedfishDevice
) -> None:
    assert isinstance(redfish, Inspects)
    node = door.node()
    before = redfish.inspect(node, within(20))
    assert dict(before.facts)[Fact.BMC_USERS] == UNTOLD
    door.file("accounts").write_text(json.dumps(ACCOUNTS))
    report = redfish.inspect(node, within(20))
    assert not report.powered
    told = dict(report.facts)
    assert told[Fact.BMC_USERS] == "1 root Administrator; 3 watch ReadOnly (disabled)"
    assert told[Fact.BMC_FIRMWARE] == "7.10.30"
    assert redfish.inspect(node, within(20)) == report
    assert door.commands() == []
    assert door.file("sessions").read_text() == ""
    redfish.set(node, within(20), on=True)
    assert redfish.inspect(node, within(20)).powered


def test_a_login_that_redfish_refuses_is_denied(redfish: RedfishPower, door: RedfishDevice) -> None:
    node = door.node()
    wrong = replace(node, bmc=replace(node.bmc, password=Secret("not it")))
    with pytest.raises(PowerDenied):
        redfish.inspect(wrong, within(20))
