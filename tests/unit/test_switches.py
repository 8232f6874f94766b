"""A segment for each lease: the emulated lab's own switches, and one that takes lines over SSH."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.config import labfile
from orchestrator.drivers.clock.system import SystemClock
from orchestrator.drivers.shell.ssh import SshShell
from orchestrator.drivers.switch.folder import FolderSwitch
from orchestrator.drivers.switch.lines import Lines, LineSwitch
from orchestrator.lab.qemu import segment
from orchestrator.model.errors import ConfigError, InfraError, Unreachable
from orchestrator.model.ids import AttemptId
from orchestrator.model.lease import Lease
from orchestrator.model.node import Bmc, Node, Provenance, SwitchPort
from orchestrator.model.request import Commit, Snapshot
from orchestrator.model.run import Host, Task
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from orchestrator.stages import provision
from tests.contract.sshd import Sshd
from tests.contract.storing import arch

BOUND = "Access Mode VLAN:"
LINES = Lines(
    join=("echo '{port} {vlan}' >> asked", "echo {vlan} > port-{port}"),
    show=f"echo Name: {{port}}; echo {BOUND} $(cat port-{{port}})",
    expect=f"{BOUND} {{vlan}}",
)
#: a broadcast frame with the 802.1Q tag 100, as any branch may send one
FRAME = bytes.fromhex("ffffffffffff5254000000018100006488b5") + b"who is there?".ljust(60, b".")


def soon() -> Deadline:
    return Deadline(SystemClock(), 60)


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        yield process
        process.kill()


class Card:
    """A machine's data card: what it hears."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.heard = b""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while chunk := self._process.stdout.read1(65536):  # type: ignore[attr-defined]
            self.heard += chunk

    def say(self, frame: bytes) -> None:
        """Send a frame, as vde_plug takes them: with their length before them."""
        assert self._process.stdin is not None
        self._process.stdin.write(len(frame).to_bytes(2, "big") + frame)
        self._process.stdin.flush()


@pytest.mark.skipif(not shutil.which("vde_plug"), reason="apt-get install vde2")
def test_two_leases_cannot_reach_each_other_whatever_their_tags(tmp_path: Path) -> None:
    names = ("n01", "n02", "n03", "n04")
    switch = FolderSwitch(segment.plugs(tmp_path))
    assert switch.join(["n01", "n02"], soon()) == "segment n01"
    assert switch.join(["n03", "n04"], soon()) == "segment n03"
    with ExitStack() as stack:
        for command in segment.commands(tmp_path, names):
            stack.enter_context(running(*command))
        await_(lambda: all((segment.socket(tmp_path, name) / "ctl").exists() for name in names))
        plug = shutil.which("vde_plug") or ""
        plugs = {name: str(segment.plugged(tmp_path, name)) for name in names}
        cards = {n: Card(stack.enter_context(running(plug, plugs[n]))) for n in names}

        def reached() -> bool:
            # A plug that is not in yet hears nothing: said again until the first lease hears it.
            cards["n01"].say(FRAME)
            time.sleep(0.05)
            return FRAME in cards["n02"].heard

        await_(reached)
        await_(lambda: _said(cards["n03"], cards["n04"]))
        assert b"who is there?" not in cards["n03"].heard + cards["n04"].heard
    assert switch.join(["n02", "n03"], soon()) == "segment n02", "the next lease has another gang"
    assert segment.plugged(tmp_path, "n03") == segment.socket(tmp_path, "n02")


def _said(one: Card, other: Card) -> bool:
    """Whether the second lease works as well, so that its silence means something."""
    one.say(FRAME.replace(b"who is there?", b"we are here! "))
    time.sleep(0.05)
    return b"we are here! " in other.heard


def await_(happened: object, seconds: float = 30) -> None:
    assert callable(happened)
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_machine_that_nobody_leased_is_alone(tmp_path: Path) -> None:
    assert segment.plugged(tmp_path, "n07") == segment.socket(tmp_path), "no segment of its own"
    segment.socket(tmp_path, "n07").mkdir(parents=True)
    assert segment.plugged(tmp_path, "n07") == segment.socket(tmp_path, "n07")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "switch")
    yield server
    server.stop()


def switch_at(server: Sshd, lines: Lines = LINES) -> LineSwitch:
    return LineSwitch(
        name="rack-2",
        shell=SshShell(),
        access=server.access(),
        key=str(server.key),
        lines=lines,
        vlans={"Ethernet1": 1000, "Ethernet2": 1001, "Ethernet3": 1002},
    )


def test_a_lease_gets_the_vlan_of_its_first_port_and_it_is_read_back(sshd: Sshd) -> None:
    switch = switch_at(sshd)
    for _ in range(2):
        assert switch.join(["Ethernet2", "Ethernet3"], soon()) == "VLAN 1001 of rack-2"
    assert switch.join(["Ethernet1"], soon()) == "VLAN 1000 of rack-2"
    lying = Lines(join=("true {port} {vlan}",), show=LINES.show, expect=LINES.expect)
    with pytest.raises(InfraError, match="took port Ethernet2 for VLAN 1000 and shows it other"):
        switch_at(sshd, lying).join(["Ethernet1", "Ethernet2"], soon())
    refusing = Lines(join=("exit 1",), show=LINES.show, expect=LINES.expect)
    with pytest.raises(Unreachable, match="ended with status 1"):
        switch_at(sshd, refusing).join(["Ethernet1"], soon())


def lab(folder: Path, **changes: str) -> labfile.LabFile:
    """A lab file with one switch and two nodes on it."""
    (folder / "key").write_text("key")
    (folder / "bmc").write_text("word")
    (folder / "bmc").chmod(0o600)
    keys = {
        "vlans": '"1000-1001"',
        "join": '["vlan {vlan} {port}"]',
        "name": '"rack"',
        **changes,
    }
    head = f"""\
[switches.rack]
address = "10.0.0.1"
user = "lab"
key = "key"
host_key = "ssh-ed25519 AAAA"
vlans = {keys["vlans"]}
join = {keys["join"]}
show = "show {{port}}"
expect = "{{vlan}}"
"""
    nodes = [
        f"""
[[nodes]]
name = "r{n}"
mac = "52:54:00:00:00:0{n}"
address = "10.0.1.{n}"
bmc = {{ address = "10.0.2.{n}", user = "admin", password = "file:bmc" }}
switch = {{ name = {keys["name"]}, port = "e{n}" }}
"""
        for n in (1, 2)
    ]
    file = folder / "lab.toml"
    file.write_text(head + "".join(nodes))
    return labfile.load(file)


def test_a_lab_file_names_switches_and_ports(tmp_path: Path) -> None:
    found = lab(tmp_path)
    assert [(n.switch.switch, n.switch.port) for n in found.nodes if n.switch] == [
        ("rack", "e1"),
        ("rack", "e2"),
    ]
    assert found.switches["rack"].vlans == (1000, 1001)


def test_a_switch_by_netconf_has_no_lines(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    (tmp_path / "key").write_text("key")
    told = """\
[switches.rack]
speaks = "netconf"
address = "10.0.0.1"
user = "lab"
key = "key"
host_key = "ssh-ed25519 AAAA"
vlans = "1000-1001"
"""
    file.write_text(told)
    found = labfile.load(file).switches["rack"]
    assert (found.speaks, found.port) == ("netconf", 830)
    file.write_text(told + 'show = "show {port}"\n')
    with pytest.raises(ConfigError, match=r":8: unknown key"):
        labfile.load(file)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"vlans": '"1000-1000"'}, ":6: 2 nodes are on rack, and each needs a VLAN of its own"),
        ({"vlans": '"1000-5000"'}, ":6: `1000-5000` is no range of VLANs"),
        ({"join": '["vlan {vlan}"]'}, ":7: `join` puts {port} into {vlan}"),
        ({"name": '"rock"'}, "is `rock`, which is unknown; did you mean `rack`?"),
    ],
)
def test_a_lab_file_that_cannot_be(changes: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        lab(tmp_path, **changes)
    assert says in str(refused.value)


class Recording:
    """A switch that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def join(self, ports: Sequence[str], _deadline: Deadline) -> str:
        """Remember the ports."""
        self.asked.append(list(ports))
        return f"segment {ports[0]}"


def test_a_lease_is_wired_before_its_machines_are_switched_on() -> None:
    switch = Recording()
    plugs = [SwitchPort(switch="rack", port="e1"), SwitchPort(switch="rack", port="e4"), None]
    bmc = Bmc(address="10.0.0.9", port=623, user="lab", password=Secret("none"))
    nodes = [
        Node(
            name=f"n{number}",
            mac=f"52:54:00:00:00:0{number}",
            bmc=bmc,
            provenance=Provenance.PHYSICAL,
            capabilities=frozenset(),
            address="10.0.0.8",
            switch=plug,
        )
        for number, plug in enumerate(plugs, 1)
    ]
    attempt = AttemptId("1/vlan/1")
    hosts = tuple(
        Host(node=node, lease=Lease(node=node.name, attempt=attempt, role="all", token=1))
        for node in nodes
    )
    commit = Commit(repo="r", ref="main", sha="1" * 40)
    task = Task(
        attempt=attempt,
        arch=arch("vlan"),
        snapshot=Snapshot(commit=commit, archive=""),
        hosts=hosts,
        folder="",
    )
    kit: Any = SimpleNamespace(switches={"rack": switch})
    (told,) = provision._wire(task, kit, soon())
    assert switch.asked == [["e1", "e4"]]
    assert told.text == "data cards at e1, e4 are on segment e1, and nobody else's"
    again = list(provision._wire(replace(task, past=(told,)), kit, soon()))
    assert (again, switch.asked) == ([], [["e1", "e4"]] * 2), "done again, told once"
