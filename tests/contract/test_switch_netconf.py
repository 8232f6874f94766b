"""A switch by NETCONF: its own client, ncclient, against a subsystem of OpenSSH's real server."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.switch.netconf import NetconfSwitch
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.ports.clock import Deadline
from tests.contract.sshd import Sshd, make_key

RESPONDER = Path(__file__).with_name("netconf_responder.py")


def soon() -> Deadline:
    return Deadline(SystemClock(), 60)


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[NetconfSwitch]:
    command = f"Subsystem netconf {sys.executable} {RESPONDER} {tmp_path}\n"
    server = Sshd(tmp_path / "switch", command)
    yield NetconfSwitch(
        name="rack-2",
        access=server.access(),
        key=str(server.key),
        vlans={"Ethernet1": 1000, "Ethernet2": 1001, "Ethernet3": 1002},
    )
    server.stop()


def test_a_lease_gets_the_vlan_of_its_first_port_and_it_is_read_back(
    switch: NetconfSwitch, tmp_path: Path
) -> None:
    for _ in range(2):
        assert switch.join(["Ethernet2", "Ethernet3"], soon()) == "VLAN 1001 of rack-2"
    assert switch.join(["Ethernet1"], soon()) == "VLAN 1000 of rack-2"
    (tmp_path / "forget").touch()
    with pytest.raises(InfraError, match="took port Ethernet2 for VLAN 1000 and shows it otherw"):
        switch.join(["Ethernet1", "Ethernet2"], soon())
    (tmp_path / "refuse").touch()
    with pytest.raises(InfraError, match="rack-2 refused by NETCONF: port is a trunk"):
        switch.join(["Ethernet1"], soon())


def test_whoever_is_not_the_switch_is_told_nothing(switch: NetconfSwitch, tmp_path: Path) -> None:
    stranger = replace(switch.access, host_key=make_key(tmp_path / "other"))
    with pytest.raises(Unreachable, match="another host key than the lab file says"):
        replace(switch, access=stranger).join(["Ethernet1"], soon())
    with pytest.raises(ConfigError, match="refused our login by NETCONF"):
        replace(switch, key=str(tmp_path / "other")).join(["Ethernet1"], soon())
    away = replace(switch.access, port=1)
    with pytest.raises(Unreachable, match="does not answer by NETCONF"):
        replace(switch, access=away).join(["Ethernet1"], soon())
    assert not list(tmp_path.glob("port-*"))
