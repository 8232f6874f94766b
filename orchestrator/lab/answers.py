"""What an unattended install cannot do without: the questions, and who answers them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.lab.preseed import Answer

Answers = Mapping[str, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that the installer would stop and ask."""

    #: the installer's screen
    screen: str
    #: what it asks, as a person reads it
    asks: str
    #: whether the answers settle it
    settled: Callable[[Answers], bool]
    #: questions to preseed, for the message
    question: str


def _any(*questions: str) -> Callable[[Answers], bool]:
    return lambda answers: any(q in answers and answers[q].value.strip() for q in questions)


def _true(*questions: str) -> Callable[[Answers], bool]:
    return lambda answers: any(q in answers and answers[q].value == "true" for q in questions)


def _present(question: str) -> Callable[[Answers], bool]:
    return lambda answers: question in answers


def _login(answers: Answers) -> bool:
    late = answers.get("preseed/late_command")
    if late is not None and "authorized_keys" in late.value:
        return True
    passwords = ("root-password", "root-password-crypted", "user-password", "user-password-crypted")
    return _any(*(f"passwd/{name}" for name in passwords))(answers)


REQUIRED: tuple[Need, ...] = (
    Need(
        screen="Configure the clock",
        asks="Select your time zone",
        settled=_any("time/zone"),
        question="time/zone",
    ),
    Need(
        screen="Choose a mirror of the Debian archive",
        asks="Debian archive mirror country",
        settled=_any("mirror/http/hostname", "mirror/https/hostname", "mirror/http/mirror"),
        question="mirror/http/hostname",
    ),
    Need(
        screen="Set up users and passwords",
        asks="Root password",
        settled=_login,
        question="passwd/root-password-crypted",
    ),
    Need(
        screen="Partition disks",
        asks="Partitioning method",
        settled=_any("partman-auto/disk", "partman-auto/method"),
        question="partman-auto/method",
    ),
    Need(
        screen="Partition disks",
        asks="Write the changes to disks?",
        settled=_true("partman/confirm", "partman/confirm_nooverwrite"),
        question="partman/confirm",
    ),
    Need(
        screen="Install the GRUB boot loader",
        asks="Device for boot loader installation",
        settled=lambda a: (
            _any("grub-installer/bootdev")(a) or _true("grub-installer/only_debian")(a)
        ),
        question="grub-installer/bootdev",
    ),
    Need(
        screen="Finish the installation",
        asks="Installation complete",
        settled=_present("finish-install/reboot_in_progress"),
        question="finish-install/reboot_in_progress",
    ),
)


def unsettled(answers: Answers) -> Need | None:
    """Return the first thing that the installer would stop and ask, None if nothing."""
    return next((need for need in REQUIRED if not need.settled(answers)), None)
