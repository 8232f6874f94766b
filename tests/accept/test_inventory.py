"""Machines found in a network and put to the test, by what people type, in a lab in a box."""

import json
from collections.abc import Iterator

import pytest

from orchestrator.lab.faults import Fault, Setting, set_fault
from orchestrator.lab.labdir import NodeDir
from orchestrator.model.node import NodeState
from orchestrator.service.checkup import TESTING
from tests.accept.leaks import leaks, secrets_of
from tests.orchestrating import Orchestrator

NODES = 4


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    made = Orchestrator(home=tmp_path_factory.mktemp("inventory") / "home", nodes=NODES)
    made.start()
    yield made
    made.stop()


def node_dir(lab: Orchestrator, number: int) -> NodeDir:
    return NodeDir(lab=lab.home / "lab", number=number)


def commands(lab: Orchestrator, number: int) -> list[str]:
    """Return what reached the machine's power button."""
    path = node_dir(lab, number).commands
    lines = path.read_text().splitlines() if path.exists() else []
    found = [json.loads(line).get("command", "") for line in lines]
    return [command for command in found if command.startswith("power")]


def states(lab: Orchestrator) -> dict[str, str]:
    return dict(lab.rows("SELECT name, state FROM nodes"))


def test_what_a_new_lab_file_would_hold_is_found(lab: Orchestrator) -> None:
    nodes = {node["name"]: node["bmc"] for node in lab.json("nodes")["nodes"]}
    address, _, port = nodes["n01"].partition(":")
    secret = lab.home.parent / "bmc.secret"
    secret.touch(mode=0o600)
    login = node_dir(lab, 1).credentials()
    secret.write_text(login.password)
    words = ["inventory", "discover", f"{address}-9", "--port", port]
    words += ["--user", login.user, "--password", f"file:{secret}"]
    found = {one["nodes"][0]: one for one in lab.json(*words)["findings"]}
    assert set(found) == set(nodes)
    assert found["n01"]["ipmi"]["login"] == "welcome"
    assert found["n01"]["machines"][0]["power"] == "off"
    assert {found[name]["ipmi"]["login"] for name in ("n02", "n03", "n04")} == {"denied"}
    toml = lab.cli(*words, "--toml")
    assert toml.stdout.count("[[nodes]]") == NODES
    assert "the running lab has it already, as n03" in toml.stdout
    assert login.password not in toml.stdout + toml.stderr
    assert f"file:{secret}" in toml.stdout


def test_a_sound_machine_passes_and_a_cycle_is_one(lab: Orchestrator) -> None:
    before = commands(lab, 1)
    found = lab.json("node", "test", "n01")
    assert found["ok"]
    assert [check["name"] for check in found["checks"]] == [
        "login",
        "boot device",
        "console",
        "sensors",
    ]
    assert commands(lab, 1) == before, "nobody asked for its power"
    done = lab.cli("node", "test", "n01", "--cycle")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CPU Temp 42" in " ".join(done.stdout.split())
    assert commands(lab, 1)[len(before) :] == ["power-on", "power-off"]
    assert states(lab)["n01"] == NodeState.IN_SERVICE


@pytest.mark.parametrize(
    ("number", "fault", "said"),
    [
        (2, Fault.WRONG_PASSWORD, "refuses the login of 'admin'"),
        (3, Fault.LYING, "still reads off"),
    ],
)
def test_a_sick_machine_is_3_and_says_what_to_do(
    lab: Orchestrator, number: int, fault: Fault, said: str
) -> None:
    set_fault(node_dir(lab, number).faults, Setting(fault=fault))
    name = f"n{number:02}"
    done = lab.cli("node", "test", name, "--cycle")
    assert done.returncode == 3
    told = " ".join(done.stdout.split())
    assert said in told
    assert f"{name} is not fit (blame infra)" in told
    assert states(lab)[name] == NodeState.IN_SERVICE, "that is for a person to decide"


def test_a_test_that_is_killed_leaves_the_machine_as_it_was(lab: Orchestrator) -> None:
    lab.cli("node", "drain", "n02", "--reason", "new fan")
    set_fault(node_dir(lab, 4).faults, Setting(fault=Fault.SLOW))
    typed = lab.begin("node", "test", "n04", "--cycle")
    lab.wait_for(lambda: states(lab)["n04"] == NodeState.DRAINED, 30, "the reservation")
    twice = lab.cli("node", "test", "n04")
    assert twice.returncode == 2
    assert "being tested already" in twice.stderr
    reasons = dict(lab.rows("SELECT name, reason FROM nodes"))
    assert reasons["n04"] == TESTING
    lab.kill()
    assert typed.status() == 2
    lab.start()
    assert states(lab) == {
        "n01": NodeState.IN_SERVICE,
        "n02": NodeState.DRAINED,
        "n03": NodeState.IN_SERVICE,
        "n04": NodeState.IN_SERVICE,
    }


def test_nobody_was_told_a_password(lab: Orchestrator) -> None:
    assert leaks(lab.home, secrets_of(lab.home)) == []
