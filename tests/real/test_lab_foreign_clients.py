"""Every BMC of the lab, driven by programs that know nothing of it."""

import math
import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.lab import box
from orchestrator.model.node import Node

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("ipmitool") is None, reason="needs the package ipmitool"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[box.Box]:
    running = box.start(tmp_path_factory.mktemp("lab"), nodes=10, speed=math.inf)
    yield running
    running.stop()


@pytest.fixture
def node(lab: box.Box) -> Node:
    return lab.nodes()[0]


@pytest.fixture
def command(tmp_path: Path) -> Callable[[Node], list[str]]:
    def build(node: Node) -> list[str]:
        password = tmp_path / node.name
        password.write_text(node.bmc.password.reveal())
        where = ["-H", node.bmc.address, "-p", str(node.bmc.port)]
        return ["ipmitool", "-I", "lanplus", *where, "-U", node.bmc.user, "-f", str(password)]

    return build


@pytest.fixture
def ipmi(command: Callable[[Node], list[str]]) -> Callable[..., str]:
    def run(node: Node, *words: str) -> str:
        said = subprocess.run(
            [*command(node), *words], capture_output=True, text=True, timeout=30, check=False
        )
        assert said.returncode == 0, said.stderr
        return said.stdout

    return run


def test_power_of_every_node(lab: box.Box, ipmi: Callable[..., str]) -> None:
    for node in lab.nodes():
        assert "is off" in ipmi(node, "chassis", "power", "status")
        ipmi(node, "chassis", "power", "on")
        assert "is on" in ipmi(node, "chassis", "power", "status")
    for node in lab.nodes():
        ipmi(node, "chassis", "power", "cycle")
        ipmi(node, "chassis", "power", "reset")
        assert "is on" in ipmi(node, "chassis", "power", "status")
        ipmi(node, "chassis", "power", "soft")
        assert "is off" in ipmi(node, "chassis", "power", "status")


def test_the_boot_device_holds_for_one_boot(
    lab: box.Box, node: Node, ipmi: Callable[..., str]
) -> None:
    ipmi(node, "chassis", "bootdev", "pxe", "options=efiboot")
    flags = ipmi(node, "chassis", "bootparam", "get", "5")
    assert "Force PXE" in flags
    assert "BIOS EFI boot" in flags
    ipmi(node, "chassis", "power", "on")
    console = lab.node_dir(node.name).console
    deadline = time.monotonic() + 10
    while "PXE-E51" not in (console.read_text() if console.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "No override" in ipmi(node, "chassis", "bootparam", "get", "5")
    ipmi(node, "chassis", "power", "off")


def test_cycling_a_machine_that_is_off_is_refused(
    node: Node, command: Callable[[Node], list[str]]
) -> None:
    cycle = [*command(node), "chassis", "power", "cycle"]
    said = subprocess.run(cycle, capture_output=True, text=True, timeout=30, check=False)
    assert said.returncode == 1
    assert "not supported in present state" in said.stderr


def test_sensors_and_controller(node: Node, ipmi: Callable[..., str]) -> None:
    assert "IPMI Version              : 2.0" in ipmi(node, "mc", "info")
    ipmi(node, "chassis", "power", "on")
    records = ipmi(node, "sdr").splitlines()
    assert [r.split("|")[0].strip() for r in records] == ["CPU Temp", "System Temp", "Fan 1", "12V"]
    assert all(record.endswith("| ok") for record in records)
    assert "4800.000" in ipmi(node, "sensor")
    assert "115.2" in ipmi(node, "sol", "info")
    ipmi(node, "chassis", "power", "off")


def test_serial_over_lan(
    node: Node, ipmi: Callable[..., str], command: Callable[[Node], list[str]]
) -> None:
    master, slave = pty.openpty()
    client = subprocess.Popen(
        [*command(node), "sol", "activate"], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        assert b"operational" in read_until(master, b"operational")
        ipmi(node, "chassis", "power", "on")
        read_until(master, b"No bootable device")
    finally:
        ipmi(node, "sol", "deactivate")
        client.terminate()
        client.wait(10)
        os.close(master)
    ipmi(node, "chassis", "power", "off")


def read_until(handle: int, text: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + 15
    while text not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([handle], [], [], 0.5)[0]:
            seen += os.read(handle, 1 << 12)
    return seen


def test_a_cipher_suite_that_is_not_ours_is_refused_cleanly(
    node: Node, command: Callable[[Node], list[str]]
) -> None:
    said = subprocess.run(
        [*command(node), "-C", "17", "mc", "info"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 1
    assert "invalid authentication algorithm" in said.stderr
