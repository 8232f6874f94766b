"""Consoles as real firmware, loaders, installers and kernels print them, and what they mean."""

import re

import pytest

from orchestrator.model.console import Diagnosis, recognise
from orchestrator.model.recognisers import RECOGNISERS
from orchestrator.model.verdict import Blame
from tests.unit.console_firmware import FIRMWARE, LATE
from tests.unit.console_innocents import INNOCENT
from tests.unit.console_installer import INSTALLER

INFRA = Blame.INFRA
GUILTY = FIRMWARE | INSTALLER
#: as many lines as the provision stage looks at
WINDOW = 20


def tail(console: str) -> list[str]:
    """Return the newest lines, as `Console.tail` does."""
    return [line.strip() for line in console.splitlines() if line.strip()][-WINDOW:]


@pytest.mark.parametrize("what", GUILTY)
def test_a_machine_that_gave_up_says_why(what: str) -> None:
    blame, said, console = GUILTY[what]
    diagnosis = recognise(tail(console))
    assert diagnosis is not None
    assert said in diagnosis.sentence
    assert diagnosis.blame is blame
    assert diagnosis == recognise(tail(console), over=True)


@pytest.mark.parametrize("what", GUILTY)
def test_every_sentence_says_what_to_do(what: str) -> None:
    diagnosis = recognise(tail(GUILTY[what][2]))
    assert diagnosis is not None
    next_step = re.search(
        r"; (?:check|test|mend|answer|fetch|give|switch|its console log)\b", diagnosis.sentence
    )
    assert next_step, diagnosis.sentence


@pytest.mark.parametrize("what", LATE)
def test_what_a_machine_may_get_over_counts_when_time_is_up(what: str) -> None:
    said, console = LATE[what]
    assert recognise(tail(console)) is None
    late = recognise(tail(console), over=True)
    assert late is not None
    assert said in late.sentence
    assert late.blame is INFRA


@pytest.mark.parametrize("what", INNOCENT)
def test_a_machine_that_gets_on_is_left_alone_at_every_line(what: str) -> None:
    lines = INNOCENT[what].splitlines()
    for end in range(len(lines) + 1):
        shown = "\n".join(lines[:end])
        assert recognise(tail(shown)) is None, lines[end - 1]
    assert recognise(tail(INNOCENT[what]), over=True) is None


def test_what_an_earlier_boot_failed_at_is_forgotten() -> None:
    panic = "[    9.1] Kernel panic - not syncing: Fatal machine check"
    assert recognise([panic, "[    9.2] Rebooting in 5 seconds.."]) is not None
    assert recognise([panic, "SeaBIOS (version 1.16.2)", "Booting from Hard Disk..."]) is None


def test_the_first_failure_is_the_cause() -> None:
    full = "tar: write error: No space left on device"
    after = "!! ERROR: Unable to install GRUB in /dev/vda"
    assert recognise([full, after]) == Diagnosis(
        blame=INFRA,
        sentence="its disk is full; check the partition recipe against the disk's size",
    )
    assert recognise([full]) is None


def test_a_long_line_is_quoted_in_part() -> None:
    diagnosis = recognise([f"Kernel panic - not syncing: {'x' * 1000} {{line}}"])
    assert diagnosis is not None
    assert len(diagnosis.sentence) < 300


def test_every_recogniser_is_shown_at_work() -> None:
    consoles = [console for *_, console in (*GUILTY.values(), *LATE.values())]
    lines = [line.strip() for console in consoles for line in console.splitlines()]
    for known in RECOGNISERS:
        first = [next((r for r in RECOGNISERS if r.pattern.search(line)), None) for line in lines]
        assert known in first, known.sentence
