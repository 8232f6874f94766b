"""A power strip in place of a dead BMC: the real IPMI driver, and a third party's for the strip."""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.drivers.power.fallback import FallbackPower
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.model.errors import Cancelled, PowerDenied, PowerError
from orchestrator.model.node import Bmc, BootDevice
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Power
from tests.contract import rig as rigs
from tests.contract.power_law import within
from tests.contract.rig import Device
from tests.contract.test_power import BmcDevice, start_bmcs
from tests.contract.wheel import install

VENDOR = Path(__file__).parent / "thirdparty"

Fallback = Callable[[Mapping[str, Bmc]], FallbackPower]


@pytest.fixture(scope="module")
def strip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("strip")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        device = Device(folder, holder.getsockname()[1])
    device.user = "strip"
    order = {
        "folder": str(folder),
        "user": device.user,
        "password": device.password,
        "address": "127.0.0.1",
        "port": device.port,
    }
    for name, text in {"power": "off", "boot": "default", "commands": ""}.items():
        device.file(name).write_text(text)
    process = rigs.start("relay_process.py", order, [device.file("ready")])
    yield device
    rigs.end(process)


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Power]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(install(VENDOR, tmp_path_factory.mktemp("package")))
        yield vendor_drivers("orchestrator.power")["relay"]()


@pytest.fixture(scope="module")
def bmc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BmcDevice]:
    for (device,) in start_bmcs(tmp_path_factory.mktemp("bmc"), 1):
        yield device


@pytest.fixture
def fallback(relay: Power, strip: Device) -> Iterator[Fallback]:
    children = WarmChildren()
    strip.forget()
    yield lambda feeds: FallbackPower(
        IpmiPower(children, gap=0, settle=1, patience=1, tries=1), relay, feeds
    )
    children.close()


@pytest.fixture
def power(fallback: Fallback, strip: Device) -> FallbackPower:
    return fallback({"n03": strip.node().bmc})


def test_a_bmc_that_works_is_used_alone(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    power.set(bmc.node(), within(10), on=True)
    assert power.is_on(bmc.node(), within(10))
    power.boot_next(bmc.node(), BootDevice.NETWORK, within(10))
    power.set(bmc.node(), within(10), on=False)
    assert bmc.commands() == ["power on", "boot network", "power off"]
    assert strip.commands() == []


def test_the_strip_stands_in_for_a_dead_bmc(
    power: FallbackPower, bmc: BmcDevice, strip: Device, caplog: pytest.LogCaptureFixture
) -> None:
    node = bmc.node(port=rigs.free_ports(1)[0])
    with caplog.at_level(logging.WARNING):
        for on in (True, False):
            power.set(node, within(10), on=on)
            assert strip.is_on() is on
            assert power.is_on(node, within(10)) is on
    assert strip.commands() == ["power on", "power off"]
    assert "did not finish" in caplog.text or "no BMC answers" in caplog.text
    assert strip.password not in caplog.text


def test_the_strip_stands_in_for_a_lying_bmc(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    bmc.fault("lying")
    try:
        power.set(bmc.node(), within(10), on=True)
    finally:
        bmc.fault("")
    assert strip.is_on()
    power.set(bmc.node(port=rigs.free_ports(1)[0]), within(10), on=False)


def test_a_strip_sets_no_boot_device(power: FallbackPower, bmc: BmcDevice, strip: Device) -> None:
    node = bmc.node(port=rigs.free_ports(1)[0])
    with pytest.raises(PowerError, match=r"n03: .*BMC.*no power strip sets a boot device"):
        power.boot_next(node, BootDevice.NETWORK, within(5))
    assert strip.commands() == []


def test_a_refused_login_is_not_got_round(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    with pytest.raises(PowerDenied, match="refuses the login of 'admin'"):
        power.set(bmc.node(password="wrong"), within(10), on=True)
    assert strip.commands() == []


def test_both_causes_are_told(fallback: Fallback, bmc: BmcDevice, strip: Device) -> None:
    node = bmc.node(port=rigs.free_ports(1)[0])
    nowhere = replace(strip.node().bmc, port=rigs.free_ports(1)[0])
    with pytest.raises(PowerError, match=r"BMC.*and its power strip failed: n03: .*refused"):
        fallback({"n03": nowhere}).set(node, within(8), on=True)
    wrong = replace(strip.node().bmc, password=Secret("wrong"))
    with pytest.raises(PowerDenied, match=r"BMC.*and its power strip failed"):
        fallback({"n03": wrong}).set(node, within(8), on=True)


def test_a_machine_without_a_strip_fails_as_ever(
    fallback: Fallback, bmc: BmcDevice, strip: Device
) -> None:
    with pytest.raises(PowerError, match="BMC"):
        fallback({}).set(bmc.node(port=rigs.free_ports(1)[0]), within(5), on=True)
    assert strip.commands() == []


def test_a_cancelled_attempt_leaves_the_strip_alone(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    def guard() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        power.set(bmc.node(), Deadline(rigs.CLOCK, 10, guard), on=True)
    assert strip.commands() == []
