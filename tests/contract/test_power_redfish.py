"""The Redfish driver under the law of power, on sushy-tools' emulator; then what is its own."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.redfish import Manners, RedfishPower
from orchestrator.lab.certificate import self_signed
from orchestrator.model.errors import (
    Cancelled,
    ConfigError,
    PowerDenied,
    PowerError,
    PowerUnchanged,
)
from orchestrator.model.node import BootDevice, Node
from orchestrator.ports.clock import Deadline
from tests.contract import rig as rigs
from tests.contract.power_law import PowerLaw, within
from tests.contract.rig import Device, Rig, wait_for

BOOTS = {"Pxe": "network", "Hdd": "disk"}
OURS, OTHER = "52:54:00:00:00:03", "52:54:00:00:00:04"
#: the emulator reads `Continuous` whatever was set
MANNERS = Manners(gap=0, settle=1, plain=True, reads_once=False)


class RedfishDevice(Device):
    """`redfish_process.py`; the truth is asked of the emulator, past its door."""

    def __init__(self, folder: Path, port: int, behind: int) -> None:
        super().__init__(folder, port)
        self.behind = behind
        self.system = ""

    def is_on(self) -> bool:
        return bool(self._state()["PowerState"] == "On")

    def boots_from(self) -> str:
        return BOOTS[self._state()["Boot"]["BootSourceOverrideTarget"]]

    def sessions(self) -> list[str]:
        """Return the logins that are open."""
        return self.file("sessions").read_text().splitlines()

    def _state(self) -> dict[str, dict[str, str]]:
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        inside = HTTPConnection("127.0.0.1", self.behind, timeout=10)
        path = f"/redfish/v1/Systems/{self.system}"
        inside.request("GET", path, headers={"Authorization": f"Basic {pair}"})
        return json.loads(inside.getresponse().read())


def free_ports(count: int) -> list[int]:
    """Return TCP ports that nobody listens on."""
    with ExitStack() as holders:
        bound = [
            holders.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [holder.getsockname()[1] for holder in bound]


def system(number: int, mac: str) -> dict[str, object]:
    return {
        "uuid": f"00000000-0000-0000-0000-{number:012}",
        "name": f"n{number:02}",
        "power_state": "Off",
        "external_notifier": False,
        "nics": [{"mac": mac.upper(), "ip": "192.0.2.1"}],
    }


@contextmanager
def emulated(
    folder: Path, systems: list[dict[str, object]], *, pace: str = "brisk", certificate: str = ""
) -> Iterator[RedfishDevice]:
    """Yield a device, whose first system is the node's, as long as its process lives."""
    port, behind = free_ports(2)
    device = RedfishDevice(folder, port, behind)
    device.system = str(systems[0]["uuid"])
    order = {
        "folder": str(folder),
        "user": device.user,
        "password": device.password,
        "address": "127.0.0.1",
        "port": port,
        "behind": behind,
        "systems": systems,
        "pace": pace,
        "certificate": certificate,
    }
    for name in ("commands", "sessions"):
        device.file(name).touch()
    process = rigs.start("redfish_process.py", order, [device.file("ready")])
    yield device
    rigs.end(process)


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedfishDevice]:
    with emulated(tmp_path_factory.mktemp("redfish"), [system(3, OURS)]) as device:
        yield device


class TestRedfish(PowerLaw):
    @pytest.fixture(scope="class")
    def rig(self, machine: RedfishDevice, children: WarmChildren) -> Rig:
        return Rig(RedfishPower(children, MANNERS), machine, "redfish")


@pytest.fixture
def power(children: WarmChildren) -> RedfishPower:
    return RedfishPower(children, MANNERS)


@pytest.fixture
def bmc(power: RedfishPower, machine: RedfishDevice) -> RedfishDevice:
    machine.fault("")
    power.set(machine.node(), within(10), on=False)
    machine.forget()
    return machine


def test_no_login_is_left_open(power: RedfishPower, bmc: RedfishDevice) -> None:
    before = bmc.sessions()  # of callers that the law killed
    power.set(bmc.node(), within(10), on=True)
    power.boot_next(bmc.node(), BootDevice.DISK, within(10))
    bmc.fault("lying")
    with pytest.raises(PowerUnchanged):
        power.set(bmc.node(), within(10), on=False)
    assert bmc.sessions() == before


def test_a_cancelled_attempt_logs_out(children: WarmChildren, bmc: RedfishDevice) -> None:
    def guard() -> None:
        if bmc.commands():
            raise Cancelled

    before = bmc.sessions()
    bmc.fault("lying")
    power = RedfishPower(children, replace(MANNERS, settle=20))
    with pytest.raises(Cancelled):
        power.set(bmc.node(), Deadline(rigs.CLOCK, 30, guard), on=True)
    wait_for(lambda: bmc.sessions() == before, 2)


def test_a_bmc_without_sessions_is_logged_in_to(power: RedfishPower, bmc: RedfishDevice) -> None:
    bmc.fault("no sessions")
    power.set(bmc.node(), within(10), on=True)
    assert bmc.is_on()
    with pytest.raises(PowerDenied, match=r"refuses the login of 'admin'.*correct its user"):
        power.is_on(bmc.node(password="wrong"), within(5))


def test_a_busy_bmc_is_asked_again(power: RedfishPower, bmc: RedfishDevice) -> None:
    bmc.fault("busy once")
    power.set(bmc.node(), within(15), on=True)
    assert bmc.is_on()
    assert bmc.commands() == ["power on", "power on"]


def test_a_command_whose_answer_was_lost_is_not_repeated(
    power: RedfishPower, bmc: RedfishDevice
) -> None:
    bmc.fault("answer lost")
    power.set(bmc.node(), within(15), on=True)
    assert bmc.is_on()
    assert bmc.commands() == ["power on"]


def test_an_unknown_state_is_not_taken_for_off(children: WarmChildren, bmc: RedfishDevice) -> None:
    power = RedfishPower(children, replace(MANNERS, tries=2))
    bmc.fault("starting")
    with pytest.raises(PowerError, match="is not ready: it reads the power state None"):
        power.is_on(bmc.node(), within(10))
    with pytest.raises(PowerError, match="is not ready"):
        power.set(bmc.node(), within(10), on=True)
    assert bmc.commands() == []


def test_an_override_for_ever_is_not_taken_for_once(
    children: WarmChildren, bmc: RedfishDevice
) -> None:
    strict = RedfishPower(children, replace(MANNERS, reads_once=True))
    with pytest.raises(PowerUnchanged, match="accepted 'boot from disk' but still reads disk for"):
        strict.boot_next(bmc.node(), BootDevice.DISK, within(10))


def test_sentences_say_what_to_check(children: WarmChildren, bmc: RedfishDevice) -> None:
    once = RedfishPower(children, replace(MANNERS, tries=1, answer=1))
    with pytest.raises(PowerError, match=r"does not answer; is it powered, .*often 443"):
        once.is_on(bmc.node(port=free_ports(1)[0]), within(10))
    bmc.stop()
    try:
        with pytest.raises(PowerError, match="does not answer: it takes the connection and says"):
            once.is_on(bmc.node(), within(10))
    finally:
        bmc.go_on()
    bmc.fault("busy")
    with pytest.raises(PowerError, match=r"is not ready: HTTP 503; reset the BMC if it stays so"):
        once.set(bmc.node(), within(10), on=True)


def test_the_system_is_told_by_its_network_card_or_name(
    power: RedfishPower, tmp_path: Path
) -> None:
    with emulated(tmp_path, [system(7, OURS), system(3, OTHER), system(9, OTHER)]) as chassis:
        power.set(chassis.node(), within(10), on=True)
        assert chassis.is_on()
        named = replace(chassis.node(), name="n09", mac="52:54:00:00:00:99")
        assert not power.is_on(named, within(10))
        stranger = replace(chassis.node(), name="n01", mac="52:54:00:00:00:99")
        with pytest.raises(PowerError, match=r"n01.* manages 3 systems, and none has the network"):
            power.is_on(stranger, within(10))


def test_the_emulators_own_pace_is_awaited(children: WarmChildren, tmp_path: Path) -> None:
    power = RedfishPower(children, replace(MANNERS, settle=20))
    with emulated(tmp_path, [system(3, OURS)], pace="real") as slow:
        power.set(slow.node(), within(60), on=True)
        assert slow.is_on()
        assert slow.commands() == ["power on"]


def test_only_a_trusted_certificate_gets_the_password(
    children: WarmChildren, tmp_path: Path
) -> None:
    certificate = tmp_path / "bmc.pem"
    certificate.write_bytes(self_signed("127.0.0.1", "bmc").pem)
    safe = Manners(gap=0, tries=1)
    with emulated(tmp_path, [system(3, OURS)], certificate=str(certificate)) as device:
        with pytest.raises(PowerError, match=r"does not prove who it is.*certificate"):
            RedfishPower(children, safe).is_on(device.node(), within(10))
        for manners in (
            replace(safe, certificates=str(certificate)),
            replace(safe, verify=False),
        ):
            assert not RedfishPower(children, manners).is_on(device.node(), within(10))


def far_away(node: Node) -> Node:
    return replace(node, bmc=replace(node.bmc, address="192.0.2.7"))


def test_no_password_leaves_this_host_unencrypted(
    power: RedfishPower, machine: RedfishDevice
) -> None:
    with pytest.raises(ConfigError, match=r"n03: .*192\.0\.2\.7.*unencrypted.*switch `plain` off"):
        power.is_on(far_away(machine.node()), within(5))
