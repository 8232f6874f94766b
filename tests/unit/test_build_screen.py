"""A build of a golden image ends as soon as its console shows that the installer gave up."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from orchestrator.lab.qemu import screen
from orchestrator.lab.qemu.vm import Machine
from orchestrator.model.errors import BootTimeout, ConfigError, InfraError
from tests.unit.console_captures import FOLDER

LOOK = 0.05


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine that runs on."""
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE
    ) as process:
        yield Machine(process, Future())


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("no-root-password", ConfigError, "asks for a password (Root password:)"),
        ("mirror-down", InfraError, "cannot use its mirror"),
    ],
)
def test_a_prompt_ends_the_build_with_its_cause(
    machine: Machine, tmp_path: Path, name: str, error: type[Exception], words: str
) -> None:
    console = tmp_path / "console.log"
    console.write_bytes((FOLDER / f"{name}.log").read_bytes())
    begun = time.monotonic()
    with pytest.raises(error) as told:
        screen.wait(machine, console, 60, LOOK)
    assert words in str(told.value)
    assert str(console) in str(told.value), "where all of it is"
    assert time.monotonic() - begun < 10


class GoesOn(Machine):
    """Prints `said` before the second look at its console, and ends before the fourth."""

    def __init__(self, console: Path, said: str) -> None:
        self._console, self._said, self._looks = console, said, 0

    def reason(self, _seconds: float) -> str:
        self._looks += 1
        if self._looks == 4:
            return "guest-reset"
        if self._looks == 2:
            with self._console.open("a") as file:
                file.write(self._said)
        raise TimeoutError


def test_what_is_gone_at_the_next_look_ends_nothing(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("Root password:\r\n")
    machine = GoesOn(console, "Installing the base system  ... 17%\r\n")
    assert screen.wait(machine, console, 60) == "guest-reset"


def test_a_machine_that_shows_nothing_wrong_has_its_time(machine: Machine, tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text("Booting from ROM...\r\n\x1b[7mLoading\x1b[0m\r\n")
    with pytest.raises(BootTimeout, match=r"within 0 s; its console last said: Loading"):
        screen.wait(machine, console, 0.2, LOOK)
