"""How far a machine got, read from its serial console."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: how far a phase must have got on, of 1, to be worth a word
_STEP = 0.1
#: how much of a title is worth telling
_LONGEST = 80
_PERCENT = re.compile(r"(\d+)%")
_SAID = re.compile(r"(?P<phase>.*?)(?: (?P<percent>\d+) %)?")
_KERNEL = re.compile(r"\[ *\d+\.\d{6}\] (?:ACPI: |pci |smp: |NET: |Freeing unused|Run /\S*init )")
_BOOTING = "Booting its kernel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a machine is at, in words for a person, and how much of that is done (0 to 1)."""

    phase: str
    #: None: nobody says
    fraction: float | None = None

    @classmethod
    def heard(cls, text: str) -> "Progress":
        """Return what was told as `text`, which `str` made of it."""
        told = _SAID.fullmatch(text)
        if not told or told["percent"] is None:
            return cls(phase=text)
        return cls(phase=told["phase"], fraction=int(told["percent"]) / 100)

    def __str__(self) -> str:
        """Return it as a person reads it: `Installing the base system 40 %`."""
        return self.phase if self.fraction is None else f"{self.phase} {self.fraction * 100:.0f} %"

    def news(self, told: "Progress | None") -> bool:
        """Return whether this is worth a word to somebody who was told `told` last."""
        if told is None or self.phase != told.phase:
            return True
        return abs((self.fraction or 0) - (told.fraction or 0)) >= _STEP


def progress(lines: Sequence[str]) -> Progress | None:
    """Return what a console's newest lines show the machine to be at, or None if they do not."""
    for line in reversed(lines):
        for pattern, reading in _READINGS:
            if found := pattern.search(line):
                return reading(found)
    # its messages come up in between all the others, so they count only if there is nothing else
    return Progress(phase=_BOOTING) if any(map(_KERNEL.match, lines)) else None


_Reading = Callable[[re.Match[str]], Progress]


def _phase(words: str) -> _Reading:
    return lambda _found: Progress(phase=words)


def _bar(found: re.Match[str]) -> Progress:
    """Read a bar of the installer: `Installing the base system  ... 0%... 6%... 17%`."""
    percent = _PERCENT.findall(found["bar"])
    fraction = min(int(percent[-1]), 100) / 100 if percent else None
    return Progress(phase=found["phase"][:_LONGEST], fraction=fraction)


def _step(found: re.Match[str]) -> Progress:
    """Read a step of the installer without a bar: `[*] Installing the base system...`."""
    return Progress(phase=found["phase"][:_LONGEST])


def _written(found: re.Match[str]) -> Progress:
    """Read our image's writer: `smoketest: image 3 of 17 written`."""
    done, total = int(found["done"]), int(found["total"])
    return Progress(phase=_WRITING, fraction=min(done / total, 1.0) if total else None)


def _task(found: re.Match[str]) -> Progress:
    """Read FAI: `Calling task_partition`."""
    task = found["task"]
    return Progress(phase=_FAI.get(task, f"FAI is at its task {task}"))


_WRITING = "Writing the disk image"
_NETWORK = "Booting from the network"
_RESTARTING = "Restarting"
_FAI = {
    "confdir": "Fetching FAI's config space",
    "setup": "Setting FAI up",
    "defclass": "Setting FAI up",
    "defvar": "Setting FAI up",
    "action": "Setting FAI up",
    "install": "Setting FAI up",
    "partition": "Partitioning the disk",
    "mountdisks": "Fetching the base system",
    "extrbase": "Unpacking the base system",
    "debconf": "Configuring the base system",
    "repository": "Configuring the base system",
    "updatebase": "Configuring the base system",
    "instsoft": "Installing packages",
    "configure": "Configuring the system",
    "tests": "Finishing the installation",
    "finish": "Finishing the installation",
    "chboot": "Finishing the installation",
    "savelog": "Finishing the installation",
    "faiend": "Finishing the installation",
}

#: the first that matches a line says what it shows
_READINGS: tuple[tuple[re.Pattern[str], _Reading], ...] = (
    (
        re.compile(r"^(?P<phase>[A-Z].*?)(?:; please wait)?(?:\.{3})?  \.{3} (?P<bar>\d.*)"),
        _bar,
    ),
    (re.compile(r"^\[\*\] (?P<phase>.*?)(?:\.{3})?$"), _step),
    (re.compile(r"^Calling task_(?P<task>\w+)"), _task),
    (re.compile(r"^smoketest: image (?P<done>\d+) of (?P<total>\d+) written"), _written),
    (re.compile(r"^smoketest: writing the image"), lambda _: Progress(phase=_WRITING, fraction=0)),
    (re.compile(r"^smoketest: the image is on "), _phase("Booting the disk image")),
    (re.compile(r"^smoketest: waiting to be told"), _phase("Waking up as a clone")),
    (re.compile(r"^smoketest: \S+ called home"), _phase("Called home")),
    (re.compile(r"\blogin:(?:$| \[)"), _phase("At its login prompt")),
    (re.compile(r"^Rebooting |Requesting system reboot|reboot: Restarting"), _phase(_RESTARTING)),
    (re.compile(r"^\(XEN\) (?:Xen version|Command line|\*\*\* )"), _phase("Booting Xen")),
    (re.compile(r"^(?:\[[^]]*\] )?Linux version \d|^Loading initial ramdisk"), _phase(_BOOTING)),
    (re.compile(r"^\[  OK  \] |^Welcome to \S+ GNU/Linux"), _phase("Starting its services")),
    (re.compile(r"^(?:GRUB loading|Welcome to GRUB|Booting `)"), _phase("Booting from its disk")),
    (re.compile(r"^(?:SeaBIOS|Lab BIOS|BdsDxe: |Booting from Hard)"), _phase("In its firmware")),
    (re.compile(r"^iPXE |^>>Start (?:PXE|HTTP)|^Configuring \(net"), _phase(_NETWORK)),
    (re.compile(r"^(?:https?|tftp)://|NBP file|^CLIENT MAC ADDR"), _phase(_NETWORK)),
)
