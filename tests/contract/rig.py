"""What the power law is tried on: a device in a process of its own, watched through files."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.drivers.clock.system import SystemClock
from orchestrator.model.node import Bmc, Node, Provenance
from orchestrator.model.secret import Secret
from orchestrator.ports.power import Power

HERE = Path(__file__).parent
CLOCK = SystemClock()


def free_ports(
    count: int, address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_DGRAM
) -> list[int]:
    """Return ports that nobody listens on, of UDP unless another kind is named."""
    holders = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    for holder in holders:
        holder.bind((address, 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def wait_for(happened: Callable[[], bool], seconds: float = 10) -> None:
    """Return once `happened()`; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.01)


def kill(pid: int) -> None:
    """Kill a process and return once it is gone."""
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid))


def gone(pid: int) -> bool:
    """Return whether a process runs no more, be it reaped or not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in {"Z", "X"}


class Device:
    """A process that does what a machine's BMC does; its folder tells what came of it.

    `power` holds `on` or `off`, `boot` what the machine would boot from, `commands` a line for
    each command that reached it, `fault` what it is to do wrong, `pid` its process.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.user = "admin"
        self.password = secrets.token_hex(8)
        self.port = port

    def node(self, *, user: str = "", password: str = "", port: int = 0) -> Node:
        """Return the machine as the inventory has it, or with something wrong about it."""
        bmc = Bmc(
            address="127.0.0.1",
            port=port or self.port,
            user=user or self.user,
            password=Secret(password or self.password),
        )
        return Node(
            name="n03",
            mac="52:54:00:00:00:03",
            bmc=bmc,
            provenance=Provenance.SIMULATED,
            capabilities=frozenset(),
            address="127.0.0.1",
        )

    def is_on(self) -> bool:
        """Return the truth, read behind the BMC's back."""
        return self.file("power").read_text().split()[-1] == "on"

    def boots_from(self) -> str:
        """Return the truth: `network`, `disk`, or another word."""
        return self.file("boot").read_text().strip()

    def commands(self) -> list[str]:
        """Return every command that reached the device, e.g. `power on`."""
        return self.file("commands").read_text().splitlines()

    def fault(self, name: str) -> None:
        """Make the device do wrong from now on; an empty name mends it."""
        if name:
            self.file("fault").write_text(name)
        else:
            self.file("fault").unlink(missing_ok=True)

    def stop(self) -> None:
        """Make the device silent, though its port is open."""
        os.kill(self._pid(), signal.SIGSTOP)

    def go_on(self) -> None:
        """Undo `stop`."""
        os.kill(self._pid(), signal.SIGCONT)

    def forget(self) -> None:
        """Empty the list of commands."""
        self.file("commands").write_text("")

    def file(self, name: str) -> Path:
        """Return a file of the device's folder."""
        return self.folder / name

    def _pid(self) -> int:
        return int(self.file("pid").read_text())


class Rig:
    """A power driver, the device that it drives, and its name for `tests.contract.victim`."""

    def __init__(self, power: Power, device: Device, victim: str) -> None:
        self.power = power
        self.device = device
        self.victim = victim


def start(script: str, order: dict[str, object], ready: list[Path]) -> subprocess.Popen[str]:
    """Start a device's process and return once it is ready; it ends when its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / script)], stdin=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    wait_for(lambda: all(file.exists() for file in ready), 30)
    return process


def end(process: subprocess.Popen[str]) -> None:
    """End a device's process."""
    assert process.stdin
    process.stdin.close()
    process.wait(10)
