"""Searches and readings of many at once against OpenIPMI's `ipmi_sim`, which we did not write."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.sweep import statuses
from orchestrator.model.discovery import Finding, Login, LoginState, Search
from orchestrator.model.errors import PowerDenied, PowerError
from orchestrator.model.secret import Secret
from orchestrator.wiring.discovery import discovery
from tests.contract.power_law import within
from tests.contract.rig import Device
from tests.real.test_power_openipmi import device

__all__ = ["device"]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not shutil.which("ipmi_sim"), reason="ipmi_sim is not installed: apt install openipmi"
    ),
]


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    made = WarmChildren()
    yield made
    made.close()


def test_its_power_is_read_and_a_wrong_login_told_apart(
    device: Device, children: WarmChildren
) -> None:
    right = device.node()
    wrong = replace(device.node(password=secrets.token_hex(8)), name="wrong")
    found = statuses(children, [right], within(20))
    assert found == {right.name: device.is_on()}
    refused = statuses(children, [wrong], within(20))["wrong"]
    assert isinstance(refused, PowerDenied)
    unknown = statuses(children, [device.node(user="nobody")], within(20))[right.name]
    assert isinstance(unknown, PowerError)
    assert statuses(children, [right], within(20)) == found


@pytest.mark.parametrize("right", [True, False])
def test_it_is_found(device: Device, right: bool) -> None:
    password = device.password if right else secrets.token_hex(8)
    login = Login(user=device.user, password=Secret(password))
    asked = Search(addresses=("127.0.0.1", "127.0.0.2"), port=device.port, login=login)
    told: list[Finding] = []
    with discovery() as where:
        where.search(asked, lambda _, finding: told.append(finding) if finding else None)
    (one,) = told
    assert one.ipmi
    assert one.ipmi.version == "2.0"
    assert "rmcp+" in one.ipmi.auth
    assert one.ipmi.login is (LoginState.WELCOME if right else LoginState.DENIED)
    powers = [machine.power for machine in one.machines]
    assert powers == ([{True: "on", False: "off"}[device.is_on()]] if right else [])
