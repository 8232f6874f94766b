"""A power strip in place of a dead BMC: the real IPMI driver, and a third party's for the strip."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.drivers.power.fallback import FallbackPower
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.pdu import Manners, PduPower
from orchestrator.model.errors import Cancelled, PowerDenied, PowerError
from orchestrator.model.node import Bmc, BootDevice, Node, Pdu
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.ports.power import Power
from tests.contract import rig as rigs
from tests.contract.power_law import within
from tests.contract.rig import Device
from tests.contract.strips import needs_agent
from tests.contract.strips import strip as running
from tests.contract.test_power import BmcDevice, start_bmcs
from tests.contract.wheel import install

VENDOR = Path(__file__).parent / "thirdparty"

Told = list[tuple[str, str]]


class Relayed:
    """The third party's driver for a strip that is reached as a BMC would be."""

    def __init__(self, relay: Power) -> None:
        self._relay = relay

    def is_on(self, node: Node, deadline: Deadline) -> bool:
        return self._relay.is_on(as_bmc(node), deadline)

    def set(self, node: Node, deadline: Deadline, *, on: bool) -> None:
        self._relay.set(as_bmc(node), deadline, on=on)

    def boot_next(self, node: Node, device: BootDevice, deadline: Deadline) -> None:
        self._relay.boot_next(as_bmc(node), device, deadline)


def as_bmc(node: Node) -> Node:
    assert node.pdu
    pdu = node.pdu
    bmc = Bmc(address=pdu.address, port=pdu.port, user="strip", password=pdu.community)
    return replace(node, bmc=bmc)


def hung(node: Node, strip: Device, *, port: int = 0, community: str = "") -> Node:
    """Return the node, hung on the strip's outlet."""
    secret = Secret(community or strip.password)
    pdu = Pdu(address="127.0.0.1", port=port or strip.port, community=secret, outlets=("7",))
    return replace(node, pdu=pdu)


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


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def power(relay: Power, strip: Device, children: WarmChildren, told: Told) -> FallbackPower:
    strip.forget()
    ipmi = IpmiPower(children, gap=0, settle=1, patience=1, tries=1)
    return FallbackPower(ipmi, Relayed(relay), lambda node, text: told.append((node.name, text)))


def test_a_bmc_that_works_is_used_alone(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    node = hung(bmc.node(), strip)
    power.set(node, within(10), on=True)
    assert power.is_on(node, within(10))
    power.boot_next(node, BootDevice.NETWORK, within(10))
    power.set(node, within(10), on=False)
    assert bmc.commands() == ["power on", "boot network", "power off"]
    assert strip.commands() == []


def test_the_strip_stands_in_for_a_dead_bmc(
    power: FallbackPower,
    bmc: BmcDevice,
    strip: Device,
    told: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = hung(bmc.node(port=rigs.free_ports(1)[0]), strip)
    with caplog.at_level(logging.WARNING):
        for on in (True, False):
            power.set(node, within(10), on=on)
            assert strip.is_on() is on
            assert power.is_on(node, within(10)) is on
    assert strip.commands() == ["power on", "power off"]
    assert "did not finish" in caplog.text or "no BMC answers" in caplog.text
    assert [name for name, _ in told] == ["n03", "n03"]
    fed, cut = (text for _, text in told)
    assert fed.startswith("fed by its power strip, since its BMC failed: n03: ")
    assert cut.startswith("cut off at its power strip, since its BMC failed: n03: ")
    assert strip.password not in f"{caplog.text}{told}"


def test_the_strip_stands_in_for_a_lying_bmc(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    bmc.fault("lying")
    try:
        power.set(hung(bmc.node(), strip), within(10), on=True)
    finally:
        bmc.fault("")
    assert strip.is_on()
    power.set(hung(bmc.node(port=rigs.free_ports(1)[0]), strip), within(10), on=False)


def test_a_strip_sets_no_boot_device(power: FallbackPower, bmc: BmcDevice, strip: Device) -> None:
    node = hung(bmc.node(port=rigs.free_ports(1)[0]), strip)
    with pytest.raises(PowerError, match=r"n03: .*BMC.*no power strip sets a boot device"):
        power.boot_next(node, BootDevice.NETWORK, within(5))
    assert strip.commands() == []


def test_a_refused_login_is_not_got_round(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    with pytest.raises(PowerDenied, match="refuses the login of 'admin'"):
        power.set(hung(bmc.node(password="wrong"), strip), within(10), on=True)
    assert strip.commands() == []


def test_both_causes_are_told(
    power: FallbackPower, bmc: BmcDevice, strip: Device, told: Told
) -> None:
    dead = bmc.node(port=rigs.free_ports(1)[0])
    with pytest.raises(PowerError, match=r"BMC.*and its power strip failed: n03: .*refused"):
        power.set(hung(dead, strip, port=rigs.free_ports(1)[0]), within(8), on=True)
    with pytest.raises(PowerDenied, match=r"BMC.*and its power strip failed"):
        power.set(hung(dead, strip, community="wrong"), within(8), on=True)
    assert told == []


def test_a_machine_without_a_strip_fails_as_ever(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    with pytest.raises(PowerError, match="BMC"):
        power.set(bmc.node(port=rigs.free_ports(1)[0]), within(5), on=True)
    assert strip.commands() == []


@needs_agent
def test_a_dead_bmc_and_a_real_snmp_agent(
    children: WarmChildren, bmc: BmcDevice, told: Told, tmp_path: Path
) -> None:
    ipmi = IpmiPower(children, gap=0, settle=1, patience=1, tries=1)
    with running(tmp_path) as agent:
        power = FallbackPower(
            ipmi,
            PduPower(children, Manners(gap=0, rest=0.2)),
            lambda node, text: told.append((node.name, text)),
        )
        dead = agent.node("3", "7", bmc=bmc.node(port=rigs.free_ports(1)[0]).bmc)
        power.set(dead, within(10), on=False)
        assert not agent.feeds("3")
        assert not agent.feeds("7")
        assert not power.is_on(dead, within(10))
        power.set(dead, within(10), on=True)
        assert agent.feeds("7")
        denied = agent.node("3", "7", bmc=bmc.node(password="wrong").bmc)
        with pytest.raises(PowerDenied, match="refuses the login"):
            power.set(denied, within(10), on=False)
        assert agent.feeds("3")
    assert [text.split(",")[0] for _, text in told] == [
        "cut off at its power strip",
        "fed by its power strip",
    ]


def test_a_cancelled_attempt_leaves_the_strip_alone(
    power: FallbackPower, bmc: BmcDevice, strip: Device
) -> None:
    def guard() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        power.set(hung(bmc.node(), strip), Deadline(rigs.CLOCK, 10, guard), on=True)
    assert strip.commands() == []
