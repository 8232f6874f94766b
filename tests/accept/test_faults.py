"""Machines that misbehave in each way there is, in a lab of somebody's own lab file.

Every fault sits on one machine. An arch per fault prefers that machine, as the least able one of
those that will do, and can be decided on a healthy one. Its budgets and the BMC's are short.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.lab import box
from orchestrator.lab.faults import Fault, Setting, set_fault
from orchestrator.lab.sample.make import make
from orchestrator.model.node import Node
from tests.accept.leaks import leaks, secrets_of
from tests.orchestrating import Orchestrator

#: what the cause of the first attempt has to tell: what was seen, and what to do about it
TOLD = {
    Fault.LYING: ("still reads", "reset the BMC"),
    Fault.BUSY: ("Node Busy", "reset the BMC"),
    Fault.DEAD: ("did not finish the conversation", "reset it"),
    Fault.WRONG_PASSWORD: ("refuses the login of 'admin'", "correct"),
    Fault.NO_PXE: ("no DHCP offer", "check its cable, VLAN and DHCP reservation"),
    Fault.NO_CALLBACK: ("late_command", "its console log tells what led to it"),
    Fault.HANGS_IN_INSTALL: ("last said: [*] Installing the base system", "console-n07.log"),
}
HEALTHY = 2
FAMILY = """\
arch: "meets-{fault}"
summary: One machine that may have this fault
lieutenants: [lab-team]
axes: {fault: FAULTS}
roles:
  cloud:
    count: 1
    needs: [kvm, "{fault}"]
    install: debian-12
    groups: [control, compute]
    vars: {hypervisor: kvm}
deploy: {play: deploy.yml, vars: {network_model: flat}}
smoke: {suite: compute, tests: image}
budget: {provision: 20s, deploy: 5m, smoke: 2m, collect: 1m}
"""
ALONE = """\
arch: NAME
summary: What this lab cannot do
roles: {cloud: {count: COUNT, needs: [NEEDS], install: debian-12}}
deploy: {play: deploy.yml}
smoke: {suite: compute}
"""
LAB = """\
[folders]
archs = "archs"
[repos]
sample = {{ url = "{sample}", trusted = true }}
[images.debian-12]
suite = "bookworm"
kernel = "linux"
initrd = "initrd.gz"
mirror = "http://mirror.invalid/debian"
[drivers.power.ipmi]
gap = 0
patience = 2
settle = 2
tries = 2
"""
NODE = """
[[nodes]]
name = "{node.name}"
mac = "{node.mac}"
provenance = "simulated"
capabilities = {can}
address = "{node.address}"
ssh_port = {node.ssh_port}
ssh_user = "{node.ssh_user}"
[nodes.bmc]
address = "{node.bmc.address}"
port = {node.bmc.port}
user = "{node.bmc.user}"
password = "file:{node.name}.bmc"
"""


@dataclass(frozen=True, kw_only=True)
class Rack:
    """A lab file's folder, the machines that it lists, and the orchestrator on it."""

    folder: Path
    nodes: tuple[Node, ...]
    smoketest: Orchestrator


def write_lab(folder: Path, nodes: tuple[Node, ...]) -> Path:
    """Write the lab file and all that it names; machines without a fault can do everything."""
    (folder / "archs").mkdir()
    faults = [str(fault) for fault in TOLD]
    (folder / "archs" / "faults.yaml").write_text(FAMILY.replace("FAULTS", json.dumps(faults)))
    for name, count, needs in (("lacking", 1, "kvm, hyperv"), ("too-many", 12, "kvm")):
        text = ALONE.replace("NAME", name).replace("COUNT", str(count)).replace("NEEDS", needs)
        (folder / "archs" / f"{name}.yaml").write_text(text)
    for name in ("linux", "initrd.gz"):
        (folder / name).write_text("never executed\n")
    text = LAB.format(sample=make(folder / "sample"))
    for node, own in zip(nodes, [[fault] for fault in faults] + [faults] * HEALTHY, strict=True):
        text += NODE.format(node=node, can=json.dumps(["kvm", *own]))
        secret = folder / f"{node.name}.bmc"
        secret.touch(mode=0o600)
        secret.write_text(node.bmc.password.reveal())
    (folder / "lab.toml").write_text(text)
    return folder / "lab.toml"


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    folder = tmp_path_factory.mktemp("rack")
    machines = box.start(folder / "machines", nodes=len(TOLD) + HEALTHY, speed=math.inf)
    try:
        for fault, node in zip(TOLD, machines.nodes(), strict=False):
            set_fault(machines.node_dir(node.name).faults, Setting(fault=fault))
        lab = write_lab(folder, machines.nodes())
        smoketest = Orchestrator(home=folder / "home", lab=lab)
        smoketest.start()
        url = json.loads((smoketest.home / "server.json").read_text())["url"]
        machines.set_boot_url(f"{url}/boot")
        yield Rack(folder=folder, nodes=machines.nodes(), smoketest=smoketest)
        smoketest.stop()
    finally:
        machines.stop()


@pytest.fixture(scope="module")
def run(rack: Rack) -> Mapping[str, Any]:
    """One run over all faults at once, once it is over."""
    on = ",".join(f"meets-{fault}" for fault in TOLD)
    asked = rack.smoketest.begin("run", "sample@trunk", "--on", on, "--wait", "--json")
    assert asked.status() == 0, asked.err.read_text()
    view: Mapping[str, Any] = asked.json()
    return view


@pytest.mark.parametrize("fault", TOLD)
def test_a_cell_that_meets_a_sick_machine_is_decided_on_another(
    rack: Rack, run: Mapping[str, Any], fault: Fault
) -> None:
    sick = rack.nodes[list(TOLD).index(fault)].name
    (cell,) = (cell for cell in run["cells"] if cell["arch"] == f"meets-{fault}")
    assert (cell["verdict"], cell["blame"], cell["attempts"]) == ("passed", None, 2)
    first, second = rack.smoketest.json("show", cell["cell"])["attempts"]
    assert (first["verdict"], first["blame"], first["nodes"]) == ("broken", "infra", [sick])
    assert (second["verdict"], second["blame"]) == ("passed", None)
    assert sick not in second["nodes"]
    assert sick in first["cause"]
    for words in TOLD[fault]:
        assert words in first["cause"]
    shown = rack.smoketest.cli("show", cell["cell"]).stdout
    assert first["cause"] in shown


def test_the_machines_that_broke_a_cell_are_marked_and_no_other(
    rack: Rack, run: Mapping[str, Any]
) -> None:
    assert run["exit"] == 0
    marks = {node["name"]: node["marks"] for node in rack.smoketest.json("nodes")["nodes"]}
    sick = [node.name for node in rack.nodes[: len(TOLD)]]
    assert marks == {node.name: int(node.name in sick) for node in rack.nodes}


def test_nothing_stays_leased_and_no_bmcs_password_is_told(
    rack: Rack, run: Mapping[str, Any]
) -> None:
    assert run["state"] == "done"
    rack.smoketest.wait_for(lambda: not rack.smoketest.leased(), 60, "the machines to be freed")
    known = {f"BMC of {node.name}": node.bmc.password.reveal() for node in rack.nodes}
    home = rack.smoketest.home
    assert leaks(home, {**secrets_of(home), **known}) == []


@pytest.mark.parametrize(
    ("arch", "lacks"), [("lacking", "hyperv"), ("too-many", "12")], ids=["capability", "number"]
)
def test_what_the_lab_cannot_do_is_refused_with_what_it_lacks(
    rack: Rack, arch: str, lacks: str
) -> None:
    before = rack.smoketest.rows("SELECT count(*) FROM runs")
    for verb in ("run", "plan"):
        done = rack.smoketest.cli(verb, "sample@trunk", "--on", arch)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert f"{rack.folder}/archs/{arch}.yaml:1" in done.stderr
        assert lacks in done.stderr
    assert rack.smoketest.rows("SELECT count(*) FROM runs") == before


@pytest.mark.parametrize("broken", ["archs/lacking.yaml", "lab.toml"])
def test_up_refuses_a_lab_that_cannot_be_read_by_file_and_line(
    rack: Rack, tmp_path: Path, broken: str
) -> None:
    for path in (rack.folder / "lab.toml", *(rack.folder / "archs").iterdir()):
        copy = tmp_path / path.relative_to(rack.folder)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text())
    for path in (*rack.folder.glob("*.bmc"), rack.folder / "linux", rack.folder / "initrd.gz"):
        (tmp_path / path.name).symlink_to(path)
    text = (tmp_path / broken).read_text()
    (tmp_path / broken).write_text(f"{text}nonsense\n")
    line = len(text.splitlines()) + 1
    never = Orchestrator(home=tmp_path / "home")
    done = never.cli("up", "--lab", str(tmp_path / "lab.toml"))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"{tmp_path / broken}:{line}: " in done.stderr
    assert not (never.home / "store.sqlite").exists()
