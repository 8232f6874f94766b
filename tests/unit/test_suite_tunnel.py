"""The way to the APIs of a machine that only SSH leads to: up as a whole or told why not."""

import getpass
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from tests.contract.sshd import Sshd, make_key
from tests.unit.sample_cloud import ROOT

SUITE = ROOT / "reference_archs" / "suites" / "openstack"
#: an address that no other test's ports are taken at
HOME = f"127.96.{os.getpid() % 250}.7"
WAITS = f"""
import sys, time
sys.path.insert(0, {str(SUITE)!r})
from machine import Place
from tunnel import tunnel
with tunnel(Place(**eval(sys.argv[1]))):
    print("there", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, ModuleType]]:
    """The modules `machine` and `tunnel`, imported as pytest does for the suite."""
    names = ("machine", "tunnel")
    monkeypatch.syspath_prepend(str(SUITE))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    machine, tunnel = (__import__(name) for name in names)
    yield machine, tunnel
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "machine", f"ListenAddress {HOME}\n")
    yield server
    server.stop()


def place(server: Sshd, *ports: int, host_key: str = "") -> dict[str, object]:
    return {
        "name": "n01",
        "address": HOME,
        "port": server.port,
        "user": getpass.getuser(),
        "key": str(server.key),
        "host_key": f"[{HOME}]:{server.port} {host_key or server.host_key}",
        "log": "",
        "within": "",
        "forwarded": list(ports),
    }


def free() -> int:
    with socket.create_server((HOME, 0)) as found:
        return int(found.getsockname()[1])


def taken(port: int) -> bool:
    """Whether something listens there: it is not spoken to, for here it would reach itself."""
    with suppress(OSError), socket.create_server((HOME, port)):
        return False
    return True


def soon(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_its_ports_are_led_for_as_long_as_they_are_wanted(
    suite: tuple[ModuleType, ModuleType], sshd: Sshd
) -> None:
    machine, tunnel = suite
    ports = free(), free()
    with tunnel.tunnel(machine.Place(**place(sshd, *ports))):
        assert all(map(taken, ports))
    soon(lambda: not any(map(taken, ports)))


def test_a_port_that_is_taken_here_is_named(
    suite: tuple[ModuleType, ModuleType], sshd: Sshd
) -> None:
    machine, tunnel = suite
    with socket.create_server((HOME, 0)) as other:
        port = other.getsockname()[1]
        wanted = machine.Place(**place(sshd, free(), port))
        with pytest.raises(machine.MachineError, match=rf"cannot be reached.*in use.*{port}"):
            tunnel.tunnel(wanted).__enter__()


def test_a_machine_with_another_key_is_not_logged_in_to(
    suite: tuple[ModuleType, ModuleType], sshd: Sshd, tmp_path: Path
) -> None:
    machine, tunnel = suite
    stranger = make_key(tmp_path / "stranger")
    wanted = machine.Place(**place(sshd, free(), host_key=stranger))
    with pytest.raises(machine.MachineError, match=r"n01's ports \d+ cannot .*verification failed"):
        tunnel.tunnel(wanted).__enter__()


def test_it_ends_with_whoever_was_killed(sshd: Sshd) -> None:
    port = free()
    words = [sys.executable, "-c", WAITS, repr(place(sshd, port))]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"there\n"
        assert taken(port)
        os.kill(process.pid, signal.SIGKILL)
    soon(lambda: not taken(port))
