"""The power of many machines read at once, on the lab's BMCs."""

import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.drivers.power.rmcp import Conversation, Fate
from orchestrator.drivers.power.sweep import statuses
from orchestrator.lab.faults import Fault, Setting, clear_fault, set_fault
from orchestrator.lab.labdir import NodeDir
from orchestrator.model.errors import Cancelled, PowerDenied, PowerError
from orchestrator.model.node import Node
from orchestrator.model.secret import Secret
from orchestrator.ports.clock import Deadline
from tests.bench.bmcs import Hall, hall
from tests.contract.rig import CLOCK

COUNT = 12


def within(seconds: float) -> Deadline:
    return Deadline(CLOCK, seconds)


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    made = WarmChildren()
    yield made
    made.close()


@pytest.fixture(scope="module")
def bmcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(tmp_path_factory.mktemp("hall"), COUNT) as made:
        yield made


@pytest.fixture
def faulty(bmcs: Hall) -> Iterator[NodeDir]:
    node = NodeDir(lab=bmcs.folder, number=1)
    yield node
    clear_fault(node.faults)


def elsewhere(node: Node, **change: object) -> Node:
    return replace(node, bmc=replace(node.bmc, **change))


def test_it_reads_what_the_careful_driver_reads(children: WarmChildren, bmcs: Hall) -> None:
    power = IpmiPower(children, gap=0)
    on = bmcs.nodes[::3]
    for node in on:
        power.set(node, within(30), on=True)
    found = statuses(children, bmcs.nodes, within(30))
    assert found == {node.name: node in on for node in bmcs.nodes}
    assert statuses(children, bmcs.nodes, within(30), at_once=2) == found
    assert statuses(children, (), within(30)) == {}
    for node in on:
        power.set(node, within(30), on=False)


def test_each_machine_has_its_own_answer_or_error(
    children: WarmChildren, bmcs: Hall, faulty: NodeDir
) -> None:
    set_fault(faulty.faults, Setting(fault=Fault.WRONG_PASSWORD))
    fine, wrong, unknown, nobody = bmcs.nodes[1:5]
    password = secrets.token_hex(8)
    asked = (
        bmcs.nodes[0],
        fine,
        elsewhere(wrong, password=Secret(password)),
        elsewhere(unknown, user="who"),
        elsewhere(nobody, address="127.201.0.1"),
        replace(elsewhere(fine, address="no-such-host.invalid"), name="lost"),
    )
    found = statuses(children, asked, within(30))
    assert found[fine.name] is False
    for node in (bmcs.nodes[0], wrong, unknown):
        error = found[node.name]
        assert isinstance(error, PowerDenied)
        assert error.node == node.name
        assert "correct its user and password" in str(error)
        assert password not in str(error)
    for name, said in ((nobody.name, "does not answer"), ("lost", "says:")):
        error = found[name]
        assert isinstance(error, PowerError)
        assert not isinstance(error, PowerDenied)
        assert said in str(error)


def test_what_the_deadline_leaves_no_time_for_is_told(children: WarmChildren, bmcs: Hall) -> None:
    asked = (*bmcs.nodes[:2], elsewhere(bmcs.nodes[2], address="127.201.0.1"))
    found = statuses(children, asked, within(2))
    assert [found[node.name] for node in asked[:2]] == [False, False]
    assert isinstance(found[asked[2].name], PowerError)


def test_it_ends_when_it_is_told_to(children: WarmChildren, bmcs: Hall) -> None:
    def stop() -> None:
        raise Cancelled

    silent = elsewhere(bmcs.nodes[0], address="127.201.0.1")
    with pytest.raises(Cancelled):
        statuses(children, [silent], Deadline(CLOCK, 60, stop))


def test_every_session_is_ended(children: WarmChildren, bmcs: Hall) -> None:
    """A BMC has few: dozens of readings leave none behind."""
    node = bmcs.nodes[6]
    before = len(bmcs.log(7))
    for _ in range(40):
        assert statuses(children, [node], within(30)) == {node.name: False}
    # a BMC answers a goodbye first and ends the session then: the last end may be written later
    opened, ended = _sessions(bmcs.log(7)[before:])
    until = time.monotonic() + 30
    while opened != ended and time.monotonic() < until:
        time.sleep(0.02)
        opened, ended = _sessions(bmcs.log(7)[before:])
    assert len(opened) == 40, "one reading is one session"
    assert opened == ended


def _sessions(log: list[dict[str, str]]) -> tuple[set[str], set[str]]:
    """Return the sessions that were spoken in, and those that were ended."""
    spoken = {line["session"] for line in log if "session" in line}
    return spoken, {line["ended"] for line in log if "ended" in line}


def test_packets_that_come_twice_spoil_no_login(bmcs: Hall) -> None:
    bmc = bmcs.nodes[7].bmc
    talk = Conversation(bmc)
    packet = talk.begin()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(5)
        line.connect((bmc.address, bmc.port))
        while not talk.over:
            for _ in range(2):
                line.send(packet)
            answers = [line.recv(2048)]
            packet = talk.hear(answers[0])
            while not packet and not talk.over:
                answers.append(line.recv(2048))
                packet = talk.hear(answers[-1])
    assert talk.fate is Fate.READ
    assert talk.on is False


@pytest.mark.parametrize("cut", [0, 5, 12, 15, 16, 20, 30])
def test_mutilated_packets_are_ignored(bmcs: Hall, cut: int) -> None:
    talk = Conversation(bmcs.nodes[0].bmc)
    first = talk.begin()
    answer = b"\x06\x00\xff\x07\x06\x11" + bytes(8) + b"\x24\x00" + bytes(0x24)
    assert talk.hear(answer[:cut]) == b""
    assert talk.hear(first) == b""
    assert talk.hear(secrets.token_bytes(60)) == b""
    assert talk.fate is None
    assert not talk.over


def test_another_cipher_suite_is_proposed_when_one_is_refused(bmcs: Hall) -> None:
    talk = Conversation(bmcs.nodes[0].bmc)
    refusal = b"\x06\x00\xff\x07\x06\x11" + bytes(8) + b"\x08\x00" + b"\x00\x11" + bytes(6)
    assert talk.begin()[28] == 1
    again = talk.hear(refusal)
    assert again[28] == 3, "SHA-256 was not proposed"
    assert talk.fate is None
    assert talk.hear(refusal) == b""
    assert talk.fate is Fate.REFUSED
    assert talk.over
