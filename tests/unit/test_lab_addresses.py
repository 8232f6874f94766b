"""The address plan, the lab's state file and the spread of capabilities."""

import math
import os
from pathlib import Path

import pytest

from orchestrator.lab.addresses import MOST_NODES, SUBNETS, Plan, claim, name_of
from orchestrator.lab.box import attach, capabilities
from orchestrator.lab.labdir import (
    LabState,
    NodeDir,
    parse_speed,
    read_state,
    speed_text,
    write_state,
)
from orchestrator.lab.processes import started
from orchestrator.model.errors import ConfigError


def test_every_machine_has_addresses_of_its_own() -> None:
    plan = Plan(subnet=70)
    numbers = range(1, MOST_NODES + 1)
    every = [f(n) for n in numbers for f in (plan.bmc, plan.host, plan.mac)]
    assert len(set(every)) == 3 * MOST_NODES
    assert (plan.bmc(3), plan.host(3), plan.mac(3)) == (
        "127.70.1.3",
        "127.70.2.3",
        "52:54:00:46:00:03",
    )
    assert (name_of(1), name_of(12), name_of(200)) == ("n01", "n12", "n200")


def test_two_claims_never_share_a_subnet() -> None:
    first, second = claim(None), claim(None)
    try:
        assert first.plan != second.plan
        assert {first.plan.subnet, second.plan.subnet} <= set(SUBNETS)
        assert claim_and_free(first.plan.subnet) != first.plan.subnet
    finally:
        first.lock.close()
        second.lock.close()
    assert claim_and_free(second.plan.subnet) == second.plan.subnet


def claim_and_free(preferred: int) -> int:
    taken = claim(preferred)
    taken.lock.close()
    return taken.plan.subnet


def test_of_ten_machines_each_hypervisor_is_on_six() -> None:
    ten = [capabilities(number) for number in range(1, 11)]
    for common in ("x86_64", "kvm", "flat", "vlan"):
        assert all(common in node for node in ten)
    for hypervisor in ("xenserver", "hyperv", "vmware"):
        assert sum(hypervisor in node for node in ten) >= 6
    assert all(len(node & {"xenserver", "hyperv", "vmware"}) == 2 for node in ten)
    assert ["zone-a" in node for node in ten] == [True, False] * 5
    assert [capabilities(n + 10) for n in range(1, 11)] == ten


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.5", 0.5), ("max", math.inf)])
def test_speeds(text: str, speed: float) -> None:
    assert parse_speed(text) == speed
    assert speed_text(speed) == text


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", ""])
def test_what_is_no_speed(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_speed(text)


def test_the_state_file_is_read_back_and_a_dead_supervisor_is_no_lab(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    assert attach(tmp_path) is None
    ours = started(os.getpid())
    assert ours is not None
    state = LabState(
        subnet=70, nodes=3, speed=math.inf, boot_url="", supervisor=os.getpid(), started=ours
    )
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state
    assert state.alive()
    reused = LabState(
        subnet=70, nodes=3, speed=2, boot_url="", supervisor=os.getpid(), started=ours - 1
    )
    write_state(tmp_path, reused)
    assert attach(tmp_path) is None
    (tmp_path / "lab.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"lab\.json"):
        attach(tmp_path)


def test_credentials_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    nodes = [NodeDir(lab=tmp_path, number=number) for number in (1, 2)]
    for node in nodes:
        node.root.mkdir(parents=True)
    first, second = (node.credentials() for node in nodes)
    assert first.password != second.password
    assert nodes[0].credentials() == first
    assert (nodes[0].root / "bmc.json").stat().st_mode & 0o777 == 0o600
    assert first.password not in repr(first)
