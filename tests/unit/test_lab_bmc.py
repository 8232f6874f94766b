"""The BMC of a simulated machine, sound and with each of its faults."""

import json
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.lab.faults import Fault, Setting, clear_fault, set_fault
from tests.unit import lab_rig
from tests.unit.lab_rig import Live, Rig, Stutter, wait


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with lab_rig.live(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def rig(live: Live) -> Iterator[Rig]:
    with live.rig() as machine:
        yield machine


def test_a_busy_bmc_says_so_and_does_nothing(rig: Rig) -> None:
    rig.break_it(Fault.BUSY)
    assert "busy" in str(rig.ipmi("set_power", "on")["error"]).lower()
    assert "busy" in str(rig.ipmi("set_bootdev", "network")["error"]).lower()
    clear_fault(rig.folder.faults, Fault.BUSY)
    assert rig.power() == "off"


def test_a_lying_bmc_accepts_and_does_nothing(rig: Rig) -> None:
    rig.break_it(Fault.LYING)
    assert "error" not in rig.ipmi("set_power", "on")
    assert rig.power() == "off"


def test_a_slow_bmc_answers_late(rig: Rig) -> None:
    rig.break_it(Fault.SLOW)
    began = time.monotonic()
    assert rig.power() == "off"
    assert time.monotonic() - began > 2


def test_a_dead_bmc_is_silent(rig: Rig) -> None:
    rig.break_it(Fault.DEAD)
    assert rig.ipmi("get_power") in ({"error": "None"}, {"error": "timeout"})


def test_wrong_passwords_are_refused_and_so_is_the_right_one_under_the_fault(rig: Rig) -> None:
    refused = {"error": "Incorrect password provided"}
    assert rig.ipmi("get_power", password=secrets.token_hex(8)) == refused
    rig.break_it(Fault.WRONG_PASSWORD)
    assert rig.ipmi("get_power") == refused
    clear_fault(rig.folder.faults)
    assert rig.power() == "off"


def test_an_unknown_user_is_refused(rig: Rig) -> None:
    assert "name" in str(rig.ipmi("get_power", user="nobody")["error"]).lower()


def test_a_fault_ends_by_itself(rig: Rig) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    set_fault(rig.folder.faults, Setting(fault=Fault.BUSY, until=soon))
    assert "error" in rig.ipmi("set_power", "on")
    wait(lambda: "error" not in rig.ipmi("set_power", "on"), "mended BMC")


def test_a_bmc_lives_through_rubbish(rig: Rig) -> None:
    rig.ipmi("set_power", "on")
    dice = random.Random(7)  # noqa: S311  # the same rubbish each time
    headers = (b"", b"\x06\x00\xff\x07", b"\x06\x00\xff\x07\x06", b"\x06\x00\xff\x07\x06\x10")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        for _ in range(500):
            packet = dice.choice(headers) + dice.randbytes(dice.randrange(80))
            attacker.sendto(packet, (rig.node.bmc.address, rig.node.bmc.port))
    (rig.folder.root / "faults.json").write_text("{not json")
    assert "error" in rig.ipmi("get_power")
    clear = rig.folder.faults
    clear.unlink()
    assert rig.power() == "on"


def test_a_request_that_arrives_twice_is_done_once(rig: Rig) -> None:
    rig.ipmi("set_power", "on")
    before = rig.witnessed().count("power-reset")
    with Stutter((rig.node.bmc.address, rig.node.bmc.port)) as network:
        reset = ("raw_command", 0, 2, None, [3])
        assert rig.ipmi(*reset, address="127.0.0.1", port=network.port) == {"code": 0}
    assert rig.witnessed().count("power-reset") == before + 1


def test_sensors_and_health(rig: Rig) -> None:
    rig.ipmi("set_power", "on")
    readings = rig.ipmi("get_sensor_data")
    assert readings["CPU Temp"] == 42
    assert readings["Fan 1"] == 4800
    assert readings["12V"] == pytest.approx(12.1)
    assert rig.ipmi("get_health") == {"health": 0}


def test_serial_over_lan_shows_the_console_and_survives_a_client_that_vanishes(rig: Rig) -> None:
    code = """
import json, sys
from pyghmi.ipmi.console import Console
ask = json.load(sys.stdin)
def show(data):
    if isinstance(data, bytes):
        sys.stdout.buffer.write(data); sys.stdout.flush()
    else:
        print(data, flush=True)
console = Console(ask["address"], ask["user"], ask["password"], port=ask["port"],
                  iohandler=show, force=True)
print("attached", flush=True)
while True:
    console.wait_for_rsp(1)
"""
    bmc = rig.node.bmc
    ask = {"address": bmc.address, "port": bmc.port, "user": bmc.user}
    client = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdin is not None
    assert client.stdout is not None
    json.dump({**ask, "password": bmc.password.reveal()}, client.stdin)
    client.stdin.close()
    assert client.stdout.readline() == "attached\n"
    rig.boot()
    seen = ""
    while "login:" not in seen:
        line = client.stdout.readline()
        assert line, seen
        seen += line
    assert "Installing the base system" in seen
    client.kill()
    client.wait()
    client.stdout.close()
    assert rig.power() == "on"
    rig.install()
