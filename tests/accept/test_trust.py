"""A machine that is not what it was when it was trusted: out of service, until a person says so."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.lab import box
from tests.orchestrating import Orchestrator

#: two minutes of two cores; what the stage and the comparison do is in make test, in tests/unit
pytestmark = pytest.mark.real
ARCH = "kvm-flat"
#: gives a BMC's third user a name and an administrator's rights, as its thief would
PLANT = """
import json, sys
from pyghmi.ipmi.command import Command
ask = json.load(sys.stdin)
bmc = Command(bmc=ask["address"], userid=ask["user"], password=ask["password"], port=ask["port"])
bmc.set_user_name(3, "backdoor")
bmc.set_user_access(3, 1, privilege_level="administrator")
"""


@pytest.fixture(scope="module")
def smoketest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    running = Orchestrator(home=tmp_path_factory.mktemp("trust") / "home", nodes=2)
    running.start()
    yield running
    running.stop()


def nodes(smoketest: Orchestrator) -> dict[str, dict[str, Any]]:
    """Return what is shown of each machine."""
    return {node["name"]: node for node in smoketest.json("nodes")["nodes"]}


def run_first_on_n01(smoketest: Orchestrator) -> dict[str, Any]:
    """Return the cell of a run that tries n01 first, and may go on to n02."""
    smoketest.cli("node", "drain", "n02", "--reason", "leave one to choose")
    run = smoketest.ask("trunk", ARCH)
    smoketest.wait_for(smoketest.leased, 60, "n01 to be leased")
    smoketest.cli("node", "restore", "n02")
    smoketest.wait_for(lambda: smoketest.done(run), 180, f"run {run} to end")
    shown: dict[str, Any] = smoketest.json("show", f"{run}/{ARCH}")
    return shown


def plant_user(home: Path) -> None:
    """Add a user to n01's BMC, over the wire."""
    bmc = box.Box(folder=home / "lab").nodes()[0].bmc
    ask = {"address": bmc.address, "port": bmc.port, "user": bmc.user}
    subprocess.run(
        [sys.executable, "-c", PLANT],
        input=json.dumps({**ask, "password": bmc.password.reveal()}),
        text=True,
        timeout=30,
        check=True,
    )


def swap_disk(home: Path) -> None:
    """Put another disk into n01."""
    (home / "lab/nodes/n01/hardware/sys/block/vda/serial").write_text("another-disk\n")


def test_a_machine_is_attested_after_each_install_and_stays_as_it_was(
    smoketest: Orchestrator,
) -> None:
    assert nodes(smoketest)["n01"]["attested_at"] is None
    told = []
    for _ in range(2):
        shown = run_first_on_n01(smoketest)
        assert (shown["cell"]["verdict"], shown["cell"]["attempts"]) == ("passed", 1)
        assert sorted(shown["cell"]["phases"]) == ["deploy", "lease", "provision", "smoke"]
        (attempt,) = shown["attempts"]
        (event,) = (event for event in attempt["events"] if event["kind"] == "attested")
        assert (event["stage"], event["node"]) == ("attest", "n01")
        told.append(event["text"])
    node = nodes(smoketest)["n01"]
    assert [node["attestation"] in text for text in told] == [True, True]
    assert "its reference from now on" in told[0]
    assert " as " in told[1]
    assert node["attested_at"]
    assert node["attestation"] in smoketest.cli("nodes").stdout
    assert told[1] in smoketest.cli("show", shown["cell"]["cell"]).stdout


def test_one_that_is_not_what_it_was_is_taken_out_at_once_and_brought_back_by_a_person(
    smoketest: Orchestrator,
) -> None:
    assert nodes(smoketest)["n01"]["attested_at"]
    plant_user(smoketest.home)
    swap_disk(smoketest.home)
    shown = run_first_on_n01(smoketest)
    assert (shown["cell"]["verdict"], shown["cell"]["attempts"]) == ("passed", 2)
    first, second = shown["attempts"]
    assert (first["verdict"], first["blame"], first["nodes"]) == ("broken", "infra", ["n01"])
    assert second["nodes"] == ["n02"]
    assert "bmc-users was 2 admin administrator, is 2 admin administrator; 3 back" in first["cause"]
    assert "disks was 134217728 sectors" in first["cause"]
    assert "another-disk" in first["cause"]
    node = nodes(smoketest)["n01"]
    assert (node["state"], node["reason"]) == ("quarantined", first["cause"])
    assert smoketest.cli("node", "restore", "n01").returncode == 0
    shown = run_first_on_n01(smoketest)
    assert (shown["cell"]["nodes"], shown["cell"]["attempts"]) == (["n01"], 1)
    smoketest.wait_for(lambda: not smoketest.leased(), 60, "the machines to be freed")
    assert smoketest.cli("doctor", "--store").returncode == 0
