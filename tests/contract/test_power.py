"""Every power driver under the law; then what is IPMI's own."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.plugins import vendor_drivers
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.model.errors import (
    Cancelled,
    ConfigError,
    PowerDenied,
    PowerError,
    PowerUnchanged,
)
from orchestrator.model.node import BootDevice
from orchestrator.ports.clock import Deadline
from tests.contract import rig as rigs
from tests.contract.power_law import PowerLaw, within
from tests.contract.rig import Device, Rig
from tests.contract.wheel import install

VENDOR = Path(__file__).parent / "thirdparty"
BOOTS = {"0": "default", "4": "network", "8": "disk"}


class BmcDevice(Device):
    """`bmc_process.py`, which keeps IPMI's numbers and words."""

    def is_on(self) -> bool:
        due, _, state = self.file("power").read_text().partition(" ")
        return (state == "on") == (time.time() >= float(due))

    def boots_from(self) -> str:
        return BOOTS[self.file("boot").read_text()]

    def commands(self) -> list[str]:
        return [line.replace("boot hd", "boot disk") for line in super().commands()]


def start_bmcs(folder: Path, count: int) -> Iterator[list[BmcDevice]]:
    """Yield devices, all with one password, as long as their processes live."""
    devices = [BmcDevice(folder / str(port), port) for port in rigs.free_ports(count)]
    for device in devices:
        device.password = devices[0].password
    order = {
        "folder": str(folder),
        "user": devices[0].user,
        "password": devices[0].password,
        "address": "127.0.0.1",
        "ports": [device.port for device in devices],
    }
    process = rigs.start("bmc_process.py", order, [device.file("ready") for device in devices])
    yield devices
    rigs.end(process)


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BmcDevice]:
    for (device,) in start_bmcs(tmp_path_factory.mktemp("bmc"), 1):
        yield device


class TestIpmi(PowerLaw):
    @pytest.fixture(scope="class")
    def rig(self, machine: BmcDevice, children: WarmChildren) -> Rig:
        return Rig(IpmiPower(children, gap=0, settle=1), machine, "ipmi")


class TestVendor(PowerLaw):
    """A third party's driver, installed as a package of its own and found by its entry point."""

    @pytest.fixture(scope="class")
    def rig(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
        folder = tmp_path_factory.mktemp("relay")
        device = Device(folder, rigs.free_ports(1, kind=socket.SOCK_STREAM)[0])
        order = {
            "folder": str(folder),
            "user": device.user,
            "password": device.password,
            "address": "127.0.0.1",
            "port": device.port,
        }
        device.file("power").write_text("off")
        device.file("boot").write_text("default")
        process = rigs.start("relay_process.py", order, [device.file("ready")])
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(install(VENDOR, folder))
            yield Rig(vendor_drivers("orchestrator.power")["relay"](), device, "relay")
        rigs.end(process)

    def test_it_is_small(self) -> None:
        (module,) = VENDOR.glob("*.py")
        assert len(module.read_text().splitlines()) <= 30


def test_a_broken_vendor_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "sparks-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sparks\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[orchestrator.power]\nsparks = no_such_module:Power\n")
    monkeypatch.syspath_prepend(tmp_path)
    driver = vendor_drivers("orchestrator.power")["sparks"]
    with pytest.raises(ConfigError, match=r"'sparks' of sparks 2\.1 .*no_such_module"):
        driver()


@pytest.fixture
def power(children: WarmChildren) -> IpmiPower:
    return IpmiPower(children, gap=0, settle=2, patience=2)


@pytest.fixture
def bmc(power: IpmiPower, machine: BmcDevice) -> BmcDevice:
    machine.fault("")
    power.set(machine.node(), within(10), on=False)
    machine.forget()
    return machine


def test_a_busy_bmc_is_asked_again(power: IpmiPower, bmc: BmcDevice) -> None:
    bmc.fault("busy once")
    power.set(bmc.node(), within(10), on=True)
    assert bmc.is_on()
    assert bmc.commands() == ["power on", "power on"]


def test_a_bmc_that_stays_busy_is_told(power: IpmiPower, bmc: BmcDevice) -> None:
    bmc.fault("busy")
    with pytest.raises(PowerError, match=r"n03: the BMC at 127\.0\.0\.1:\d+ says: Node [Bb]usy"):
        power.set(bmc.node(), within(3), on=True)


def test_a_cancelled_attempt_does_not_wait_for_a_busy_bmc(power: IpmiPower, bmc: BmcDevice) -> None:
    began = time.monotonic()

    def guard() -> None:
        if time.monotonic() - began > 4:
            raise Cancelled

    bmc.fault("busy")
    with pytest.raises(Cancelled):
        power.set(bmc.node(), Deadline(rigs.CLOCK, 30, guard), on=True)
    assert time.monotonic() - began < 5


def test_a_slow_machine_is_awaited(power: IpmiPower, bmc: BmcDevice) -> None:
    bmc.fault("slow")
    power.set(bmc.node(), within(10), on=True)
    assert bmc.is_on()
    assert bmc.commands() == ["power on"]


def test_a_machine_that_went_off_by_itself_is_off(power: IpmiPower, bmc: BmcDevice) -> None:
    """Some BMCs call it an error to switch off what is off."""
    power.set(bmc.node(), within(10), on=True)
    bmc.forget()
    bmc.fault("crashes off")
    power.set(bmc.node(), within(10), on=False)
    power.set(bmc.node(), within(10), on=False)
    assert not bmc.is_on()
    assert bmc.commands() == ["power off"]


def test_the_boot_device_is_kept_beyond_a_minute(power: IpmiPower, bmc: BmcDevice) -> None:
    """Without the first option a BMC forgets it when no power command comes within 60 s."""
    power.boot_next(bmc.node(), BootDevice.DISK, within(10))
    bmc.file("options").write_text("")
    power.boot_next(bmc.node(), BootDevice.NETWORK, within(10))
    assert bmc.file("options").read_text().splitlines() == ["03 08", "05 80 04 00 00 00"]
    bmc.file("options").write_text("")
    uefi = replace(bmc.node(), capabilities=frozenset({"uefi"}))
    power.boot_next(uefi, BootDevice.DISK, within(10))
    assert bmc.file("options").read_text().splitlines() == ["03 08", "05 a0 08 00 00 00"]


def test_a_bmc_that_knows_no_expiry_is_used_all_the_same(power: IpmiPower, bmc: BmcDevice) -> None:
    power.boot_next(bmc.node(), BootDevice.DISK, within(10))
    bmc.fault("no expiry")
    power.boot_next(bmc.node(), BootDevice.NETWORK, within(10))
    assert bmc.boots_from() == "network"


def test_sentences_say_what_to_check(
    power: IpmiPower, children: WarmChildren, bmc: BmcDevice
) -> None:
    place = r"n03: the BMC at 127\.0\.0\.1:\d+"
    with pytest.raises(PowerDenied, match=f"{place} refuses the login of 'admin': Incorrect"):
        power.is_on(bmc.node(password="wrong"), within(5))
    with pytest.raises(PowerError, match=r"is 'nobody' right"):
        power.is_on(bmc.node(user="nobody"), within(4))
    once = IpmiPower(children, gap=0, tries=1)
    with pytest.raises(PowerError, match=r"no BMC answers at \S+ within \S+ s: is it powered"):
        once.is_on(bmc.node(port=rigs.free_ports(1)[0]), within(15))
    power.boot_next(bmc.node(), BootDevice.NETWORK, within(10))
    bmc.fault("lying")
    with pytest.raises(
        PowerUnchanged, match=f"{place} accepted 'power on' but still reads off after 2 s"
    ):
        power.set(bmc.node(), within(10), on=True)
    with pytest.raises(PowerUnchanged, match=f"{place} accepted 'boot from disk' but still reads"):
        power.boot_next(bmc.node(), BootDevice.DISK, within(10))


def test_the_gap_is_kept_between_conversations(children: WarmChildren, bmc: BmcDevice) -> None:
    power = IpmiPower(children, gap=0.7)
    began = time.monotonic()
    for _ in range(3):
        power.is_on(bmc.node(), within(10))
    assert 2.1 <= time.monotonic() - began < 4


def work(power: IpmiPower, device: BmcDevice) -> bool:
    node = device.node()
    power.boot_next(node, BootDevice.NETWORK, within(60))
    power.set(node, within(60), on=True)
    return power.is_on(node, within(60))


def test_fifty_side_by_side(children: WarmChildren, tmp_path: Path) -> None:
    power = IpmiPower(children, gap=0)
    for devices in start_bmcs(tmp_path, 50):
        with ThreadPoolExecutor(50) as threads:
            assert all(threads.map(work, repeat(power), devices))
        assert all(device.is_on() and device.boots_from() == "network" for device in devices)
        assert all(device.commands() == ["boot network", "power on"] for device in devices)


def test_one_conversation_at_a_time_with_a_bmc(power: IpmiPower, bmc: BmcDevice) -> None:
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(power.set, bmc.node(), within(20), on=True) for _ in range(8)]
    assert [call.result() for call in calls] == [None] * 8
    assert bmc.commands() == ["power on"]


def test_a_killed_zygote_is_replaced(
    power: IpmiPower, children: WarmChildren, bmc: BmcDevice
) -> None:
    power.is_on(bmc.node(), within(10))
    assert children.pid
    rigs.kill(children.pid)
    power.set(bmc.node(), within(10), on=True)
    assert bmc.is_on()
