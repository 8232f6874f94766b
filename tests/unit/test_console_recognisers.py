"""Consoles as real firmware, loaders, installers and kernels print them, and what they mean."""

import re
from collections.abc import Iterator

import pytest

from orchestrator.model.console import Diagnosis, missed, quoted, recognise, started_over, words
from orchestrator.model.recognisers.known import RECOGNISERS
from orchestrator.model.recognisers.recogniser import Recogniser
from orchestrator.model.verdict import Blame
from orchestrator.stages.provision import CONSOLE_LINES
from tests.unit.console_captures import FAILED, GOOD, TRYING, cleaned
from tests.unit.console_fai import FAI
from tests.unit.console_firmware import FIRMWARE, LATE
from tests.unit.console_hypervisors import HYPERVISORS
from tests.unit.console_innocents import INNOCENT
from tests.unit.console_installer import INSTALLER

INFRA = Blame.INFRA
GUILTY = FIRMWARE | INSTALLER | FAI | HYPERVISORS
#: how many lines the hand-written consoles are cut to
WINDOW = 20
NEXT_STEP = re.compile(r"; (?:check|test|mend|answer|fetch|give|switch|its console log)\b")


def tail(console: str) -> list[str]:
    """Return the newest lines, as `Console.tail` does."""
    return [line.strip() for line in console.splitlines() if line.strip()][-WINDOW:]


def meanings(line: str) -> Iterator[Recogniser]:
    """Yield what the line may mean: all that depends on what came before, then what does not."""
    for known in RECOGNISERS:
        if known.pattern.search(line):
            yield known
            if not known.after:
                return


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
    assert NEXT_STEP.search(diagnosis.sentence), diagnosis.sentence


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


GRUB = ["Booting from Hard Disk...", "GRUB loading...", "Welcome to GRUB!"]
NO_OFFER = "Configuring (net0 52:54:00:12:34:56).... No configuration methods succeeded"


def test_a_machine_that_leaves_the_network_for_its_disk_says_why() -> None:
    shown = ["SeaBIOS (version 1.16.2)", NO_OFFER, *GRUB]
    assert recognise(shown) is None, "the disk's words hide the firmware's"
    found = missed([*shown, "Debian GNU/Linux 12 n01 ttyS0", "n01 login:"])
    assert found is not None
    assert "no DHCP offer" in found.sentence
    assert "went on to boot its disk" in found.sentence
    assert found.blame is INFRA


def test_a_recorded_machine_that_left_the_network_for_its_disk_says_why() -> None:
    shown = cleaned("no-dhcp-then-disk")
    assert recognise(shown, over=True) is None
    found = missed(shown)
    assert found is not None
    assert found.sentence.startswith("the firmware got no DHCP offer; check its cable")


@pytest.mark.parametrize("shown", [GRUB, [NO_OFFER], ["net0... ok", *GRUB]])
def test_a_machine_that_did_not_leave_the_network_is_not_said_to_have(shown: list[str]) -> None:
    assert missed(shown) is None


def test_the_recorders_notes_are_no_words_of_the_machine() -> None:
    shown = ["[console connected]", "n01 login:", "[console lost: timeout]"]
    assert words(shown) == ("n01 login:",)


def test_a_machine_whose_firmware_starts_again_reset_itself() -> None:
    ours = ["SeaBIOS (version 1.16.2)", "n01: installing debian-12 for 4/kvm/2", "Linux version 6"]
    assert started_over(ours, "4/kvm/2") is None
    found = started_over([*ours, "SeaBIOS (version 1.16.2)"], "4/kvm/2")
    assert found is not None
    assert "reset itself" in found.sentence
    assert found.blame is INFRA
    assert started_over([*ours, "SeaBIOS (version 1.16.2)"], "5/kvm/1") is None, "another boot"
    asked = [*ours, "[  99.1] reboot: Restarting system", "SeaBIOS (version 1.16.2)"]
    assert started_over(asked, "4/kvm/2") is None


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
    consoles = [tail(console) for *_, console in (*GUILTY.values(), *LATE.values())]
    consoles += [cleaned(name) for name in FAILED]
    lines = {line for console in consoles for line in console}
    shown = {known.sentence for line in lines for known in meanings(line)}
    for known in RECOGNISERS:
        assert known.sentence in shown


@pytest.mark.parametrize("name", FAILED)
def test_a_recorded_failure_says_why(name: str) -> None:
    blame, said = FAILED[name]
    shown = cleaned(name)
    diagnosis = recognise(shown[-CONSOLE_LINES:])
    assert diagnosis is not None
    assert diagnosis.blame is blame
    assert said in diagnosis.sentence
    assert NEXT_STEP.search(diagnosis.sentence), diagnosis.sentence
    assert "one-time-token" not in diagnosis.sentence
    assert diagnosis == recognise(shown[-CONSOLE_LINES:], over=True)


@pytest.mark.parametrize("name", FAILED)
def test_a_recorded_failure_is_told_once_and_not_before(name: str) -> None:
    shown = cleaned(name)
    told = [recognise(shown[max(0, end - CONSOLE_LINES) : end]) for end in range(1, len(shown) + 1)]
    first = next(index for index, diagnosis in enumerate(told) if diagnosis)
    assert len(set(told[first:])) == 1


@pytest.mark.parametrize("name", TRYING)
def test_a_recorded_machine_that_tries_again_is_left_to_it(name: str) -> None:
    shown = cleaned(name)
    for end in range(len(shown) + 1):
        assert recognise(shown[max(0, end - CONSOLE_LINES) : end]) is None
    late = recognise(shown[-CONSOLE_LINES:], over=True)
    assert late is not None
    assert TRYING[name] in late.sentence
    assert late.blame is INFRA


@pytest.mark.parametrize("name", GOOD)
def test_no_line_of_a_recorded_install_is_an_alarm(name: str) -> None:
    shown = cleaned(name)
    assert len(shown) > CONSOLE_LINES
    for end in range(len(shown) + 1):
        assert recognise(shown[max(0, end - CONSOLE_LINES) : end]) is None, shown[end - 1]
    assert recognise(shown[-CONSOLE_LINES:], over=True) is None


@pytest.mark.parametrize("name", [*FAILED, *TRYING, *GOOD])
def test_a_recorded_console_is_readable(name: str) -> None:
    shown = cleaned(name)
    assert all(line.replace("\t", " ").isprintable() for line in shown)
    assert not [line for line in shown if re.search(r"(?<!…)\[[\d;]+[HJKm]", line)]


def test_a_disk_that_was_partitioned_is_there() -> None:
    no_root = "!! ERROR: No root file system"
    looked = "Starting up the partitioner  ... 8%... 100%"
    parted = "Guided partitioning  ... 20%... 100%"
    assert (none := recognise([looked, no_root])) is not None
    assert (recipe := recognise([looked, parted, no_root])) is not None
    assert (none.blame, recipe.blame) == (INFRA, Blame.CONFIG)


@pytest.mark.parametrize("token", ["a" * 16, "k9-X_" * 8])
@pytest.mark.parametrize("cause", ["No such file or directory", "Connection timed out"])
def test_what_a_screen_of_80_columns_broke_is_read_as_one_line(token: str, cause: str) -> None:
    link = "(http://ipxe.org/2d0c613b)"
    whole = f"http://10.0.2.2:8470/boot/{token}/initrd.gz... {cause} {link}"
    for gap in range(81 - len(token)):
        shown = whole.replace("/initrd", "/" + "x" * gap + "initrd")
        rows = [shown[at : at + 80].strip() for at in range(0, len(shown), 80)]
        late = recognise(["Next server: 10.0.2.2", *rows], over=True)
        assert late is not None, rows
        assert late.sentence.startswith("the loader c")
        assert token not in late.sentence


def test_a_line_is_quoted_without_its_token() -> None:
    line = "smoketest: cannot reach http://10.0.2.2:80/boot/0123456789abcdef-_XYZ: not arrived"
    shown = "smoketest: cannot reach http://10.0.2.2:80/boot/******: not arrived"
    assert quoted(line) == shown
    diagnosis = recognise([line])
    assert diagnosis is not None
    assert shown in diagnosis.sentence
    assert (
        quoted("http://10.0.2.2:8470/boot/linux... ok") == "http://10.0.2.2:8470/boot/linux... ok"
    )
