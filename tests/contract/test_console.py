"""Every console driver under the law: it records, comes back, never disturbs, ends with us."""

import logging
import os
import pickle
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.console.sol import SolConsole
from orchestrator.drivers.power.ipmi import IpmiPower
from orchestrator.model.flight import TIMES
from orchestrator.model.recorder import times_of
from orchestrator.ports.console import Console
from tests.contract import rig as rigs
from tests.contract.power_law import descendants, within
from tests.contract.rig import Device, wait_for

CONNECTED = "[console connected]"
#: seconds after which the driver doubts that a silent console is still its own, and some to spare
DOUBT = 15


class Machine(Device):
    """`bmc_process.py` with a serial line."""

    def prints(self, text: bytes) -> None:
        """Print on the machine's serial line."""
        with self.file("print").open("ab") as line:
            line.write(text)


@pytest.fixture(scope="module")
def children() -> Iterator[WarmChildren]:
    children = WarmChildren()
    yield children
    children.close()


@pytest.fixture
def console(children: WarmChildren) -> Console:
    return SolConsole(children, pause=0.1, longest_pause=0.5)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (port,) = rigs.free_ports(1)
    machine = Machine(tmp_path / "bmc" / str(port), port)
    (tmp_path / "bmc").mkdir()
    order = {
        "folder": str(tmp_path / "bmc"),
        "user": machine.user,
        "password": machine.password,
        "address": "127.0.0.1",
        "ports": [port],
    }
    process = rigs.start("bmc_process.py", order, [machine.file("ready")])
    yield machine
    rigs.end(process)


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "made" / "when needed" / "console.log")


def recorded(console: Console, log: str, *lines: str, seconds: float = 5) -> None:
    """Return once the recording ends with `lines`."""
    wait_for(lambda: console.tail(log, len(lines)) == lines, seconds)


def test_records_what_the_machine_prints(console: Console, machine: Machine, log: str) -> None:
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        machine.prints(b"GRUB loading.\r\n")
        recorded(console, log, "GRUB loading.")
        machine.prints(b"".join(b"line %d\r\n" % n for n in range(300)))
        recorded(console, log, "line 298", "line 299")
    text = Path(log).read_bytes()
    assert b"".join(b"line %d\r\n" % n for n in range(300)) in text
    # What is in the file of times is where a part begins, and when it came.
    times = times_of(Path(log).with_suffix(TIMES).read_text())
    offsets = [offset for offset, _ in times]
    assert offsets[0] == len(f"{CONNECTED}\n")
    assert offsets == sorted(set(offsets))
    assert [at for _, at in times] == sorted(at for _, at in times)
    assert abs(time.time() - times[-1][1].timestamp()) < 600
    machine.prints(b"nobody listens\r\n")
    time.sleep(0.3)
    assert Path(log).read_bytes() == text


def test_appends_at_the_next_capture(console: Console, machine: Machine, log: str) -> None:
    for text in ("first", "second"):
        with console.capture(machine.node(), log, lambda: None):
            machine.prints(text.encode() + b"\r\n")
            recorded(console, log, CONNECTED, text)
    assert console.tail(log, 9) == (CONNECTED, "first", CONNECTED, "second")


def test_does_not_disturb_power_commands(
    console: Console, children: WarmChildren, machine: Machine, log: str
) -> None:
    power = IpmiPower(children, gap=0)
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        for on in (True, False, True):
            power.set(machine.node(), within(10), on=on)
            machine.prints(b"power is %d\r\n" % on)
            recorded(console, log, f"power is {on:d}")
    assert machine.commands() == ["power on", "power off", "power on"]
    assert CONNECTED in console.tail(log, 99)


def test_waits_for_a_console_that_is_not_there_yet(
    console: Console, machine: Machine, log: str
) -> None:
    machine.fault("no sol")
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, "[console lost: SOL is disabled]")
        time.sleep(1.5)
        machine.fault("")
        machine.prints(b"hello\r\n")
        recorded(console, log, "[console lost: SOL is disabled]", CONNECTED, "hello")


def test_comes_back_after_the_bmc_forgot_it(console: Console, machine: Machine, log: str) -> None:
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        machine.fault("drop sol")
        wait_for(lambda: "somebody else" in console.tail(log, 1)[0], DOUBT)
        machine.fault("")
        machine.prints(b"after the reset\r\n")
        recorded(console, log, CONNECTED, "after the reset")


def test_a_bmc_that_knows_no_owner_is_believed(
    console: Console, machine: Machine, log: str
) -> None:
    machine.fault("plain")
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        time.sleep(DOUBT - 2)
        machine.prints(b"still here\r\n")
        recorded(console, log, CONNECTED, "still here")


def test_comes_back_after_its_process_was_killed(
    console: Console, children: WarmChildren, machine: Machine, log: str
) -> None:
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        assert children.pid
        rigs.kill(children.pid)
        wait_for(lambda: "killed" in console.tail(log, 2)[0])
        machine.prints(b"again\r\n")
        recorded(console, log, CONNECTED, "again")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": secrets.token_hex(8)}, "Incorrect password"),
        ({"port": rigs.free_ports(1)[0]}, "timeout"),
    ],
)
def test_trouble_stands_in_the_file_once(
    console: Console, machine: Machine, log: str, wrong: dict[str, str], said: str
) -> None:
    with console.capture(machine.node(**wrong), log, lambda: None):
        wait_for(lambda: bool(console.tail(log, 1)), 10)
        time.sleep(1)
    (line,) = console.tail(log, 9)
    assert line.startswith("[console lost: ")
    assert said in line


def test_ends_at_once(console: Console, machine: Machine, log: str) -> None:
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        began = time.monotonic()
    assert time.monotonic() - began < 1


def test_ends_though_the_bmc_is_silent(console: Console, machine: Machine, log: str) -> None:
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
        machine.stop()
        began = time.monotonic()
    assert time.monotonic() - began < 3
    machine.go_on()


def test_an_error_inside_passes_through(console: Console, machine: Machine, log: str) -> None:
    with pytest.raises(ZeroDivisionError), console.capture(machine.node(), log, lambda: None):
        _ = 1 / 0


def test_a_file_that_cannot_be_written_is_logged(
    console: Console, machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    log = str(tmp_path / "file" / "console.log")
    with console.capture(machine.node(), log, lambda: None):
        wait_for(lambda: "n03" in caplog.text)
    assert "cannot be kept" in caplog.text
    assert console.tail(log, 5) == ()


VICTIM = """
import sys, pickle, time
from orchestrator.drivers.children.warm import WarmChildren
from orchestrator.drivers.console.sol import SolConsole
node, log = pickle.load(sys.stdin.buffer)
with SolConsole(WarmChildren()).capture(node, log, lambda: None):
    time.sleep(60)
"""


def test_a_killed_recorder_leaves_nothing_and_is_followed(
    console: Console, machine: Machine, log: str
) -> None:
    token = secrets.token_hex(8)
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM],
        stdin=subprocess.PIPE,
        env={**os.environ, "VICTIM": token},
        cwd=Path(__file__).parents[2],
    ) as victim:
        assert victim.stdin
        victim.stdin.write(pickle.dumps((machine.node(), log)))
        victim.stdin.close()
        recorded(console, log, CONNECTED)
        machine.prints(b"seen\r\n")
        recorded(console, log, CONNECTED, "seen")
        seen = "\n".join(text for pair in descendants(token).values() for text in pair)
        assert machine.password not in seen
        victim.send_signal(signal.SIGKILL)
    wait_for(lambda: not descendants(token), 1)
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED, "seen", CONNECTED)
        machine.prints(b"taken over\r\n")
        recorded(console, log, CONNECTED, "taken over")


def test_nobody_sees_the_password(
    console: Console, machine: Machine, log: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with console.capture(machine.node(), log, lambda: None):
        recorded(console, log, CONNECTED)
    with console.capture(machine.node(user="nobody"), log, lambda: None):
        time.sleep(0.3)
    told = Path(log).read_text() + caplog.text + repr(console) + repr(vars(console))
    assert machine.password not in told


@pytest.mark.parametrize(
    ("recorded_bytes", "lines"),
    [
        (b"", ()),
        (b"one\r\n\r\n  \r\ntwo", ("one", "two")),
        (b"\x1b[2J\x1b[1;31mred\x1b[0m plain\x07\n", ("red plain",)),
        (b"\x1b]0;title\x07shown\n", ("shown",)),
        (b"10%\r20%\r100%\n", ("10%", "20%", "100%")),
        (b"\x1b[1;1HInstall\x1b[2;5HPartition\x1b[3;1H", ("Install", "Partition")),
        (b"caf\xc3\xa9 \xff\n", ("caf\u00e9 \ufffd",)),
        (b"x" * 5_000_000 + b"\nlast\n", ("last",)),
    ],
)
def test_tail_shows_text_only(
    console: Console, tmp_path: Path, recorded_bytes: bytes, lines: tuple[str, ...]
) -> None:
    file = tmp_path / "console.log"
    file.write_bytes(recorded_bytes)
    assert console.tail(str(file), max(len(lines), 1)) == lines


def test_tail_of_nothing_is_empty(console: Console, tmp_path: Path) -> None:
    assert console.tail(str(tmp_path / "none"), 5) == ()
