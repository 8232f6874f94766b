"""What every stage of a machine's life needs: its name and disk, its serial port, its pace."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import NoReturn

from orchestrator.lab import hardware
from orchestrator.lab.faults import Fault, strikes
from orchestrator.lab.files import append_record
from orchestrator.lab.labdir import COOKIE, Endpoints, NodeDir, read_state
from orchestrator.lab.openssh import Server

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Ending(IntEnum):
    """How one boot of a machine ended: the exit status of its process."""

    REBOOT = 64
    POWER_LOST = 65


class BootDevice(StrEnum):
    """What the firmware was told to boot from."""

    DISK = "disk"
    NETWORK = "network"
    SAFE = "safe"
    CDROM = "cdrom"
    SETUP = "setup"
    USB = "usb"


class MachineEvent(StrEnum):
    """What the witness file says of a machine beside its BMC's commands."""

    #: an emulated machine whose firmware went to the network
    NETWORK_BOOTED = "network-booted"
    INSTALLER_STARTED = "installer-started"
    INSTALLED = "installed"
    BOOTED = "booted"
    POWER_LOST = "power-lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One machine, seen from inside: its names, its serial port, its clock."""

    folder: NodeDir
    endpoints: Endpoints
    speed: float

    def say(self, *lines: str) -> None:
        """Print lines on the serial port, which is our standard output."""
        data = "".join(f"{line}\r\n" for line in lines).encode()
        while data:
            data = data[os.write(1, data) :]

    def pause(self, seconds: float) -> None:
        """Take as long as hardware would, divided by the lab's speed."""
        time.sleep(seconds / self.speed)

    def sit(self) -> NoReturn:
        """Wait for somebody to turn the power off."""
        while True:
            signal.pause()

    def strikes(self, fault: Fault) -> bool:
        """Return whether `fault` hits this action."""
        return strikes(self.folder.faults, fault)

    def witness(self, event: MachineEvent, value: str = "") -> None:
        """Write what happened to the witness file."""
        append_record(self.folder.commands, event=event.value, value=value)

    def boot_url(self) -> str:
        """Return what DHCP offers now, empty for no answer."""
        state = read_state(self.folder.lab)
        return "" if state is None else state.boot_url.rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBoard(Board):
    """A machine that is processes of this host: its disk is a folder."""

    openssh: Server

    @property
    def installed(self) -> Path:
        """There when the disk can be booted."""
        return self.folder.disk / "boot" / "installed"

    def environment(self, *first: Path) -> dict[str, str]:
        """Return the environment of what runs on the machine, `first` leading its PATH."""
        disk = self.folder.disk
        path = [str(folder) for folder in (*first, disk / "usr/local/bin")]
        return {
            COOKIE: self.folder.cookie,
            hardware.ROOT: str(self.folder.hardware),
            "HOME": str(disk / "root"),
            "TMPDIR": str(disk / "tmp"),
            "PATH": ":".join((*path, SYSTEM_PATH)),
            "LANG": "C.UTF-8",
        }


def tail(path: Path, lines: int) -> Iterator[str]:
    """Return the last lines of a text file, nothing if it is not there."""
    try:
        yield from path.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return
