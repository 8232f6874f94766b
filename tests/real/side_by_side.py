"""Two emulated machines that do the same at once: how long each phase takes, and what it costs.

On a host that does nothing else the clock tells who is slower. On any other the processor time of
the emulators does: Linux shares processors between sessions first, and these two are in different
ones.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: what an install's console says at the start of a phase
MARKS = {
    "kernel": "Linux version",
    "partition": "Starting up the partitioner",
    "base": "Installing the base system",
    "apt": "Configuring apt",
    "software": "Select and install software",
    "loader": "Installing GRUB boot loader",
    "finish": "Finishing the installation",
}
RESET = "reset"
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Since power-on: wall clock, and the processor time of the emulator."""

    wall: float
    processor: float


@dataclass(slots=True)
class Boot:
    """One QEMU of a machine, from power-on or reset until its end."""

    #: when each phase began, and last when it ended
    moments: dict[str, Moment] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether it went through an install to its end."""
        return MARKS.keys() <= self.moments.keys() and RESET in self.moments


@dataclass(slots=True, kw_only=True)
class Watched:
    """The machine that QEMU calls `name`, each of its boots watched until we are told to stop."""

    name: str
    #: where its files are: other labs have machines of that name
    place: Path
    #: all that its console said by now, over all boots
    console: Callable[[], str]
    #: what it does afterwards is not counted
    until: Callable[[], bool] = lambda: False
    poll: float = _POLL_SECONDS
    boots: list[Boot] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> threading.Thread:
        """Watch from now on, in a thread of its own."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()

    @property
    def install(self) -> dict[str, Moment]:
        """When each phase of the last whole install began: a try before it may have broken off."""
        return self._since_install[0].moments

    @property
    def processor(self) -> float:
        """What that install and the boots after it cost the processor, in seconds."""
        return sum(boot.moments[RESET].processor for boot in self._since_install)

    @property
    def _since_install(self) -> list[Boot]:
        last = max(number for number, boot in enumerate(self.boots) if boot.installed)
        return self.boots[last:]

    def _watch(self) -> None:
        seen: psutil.Process | None = None
        while not self._done():
            machine = _running(self.name, self.place)
            if machine and machine != seen:
                seen = machine
                self._follow(machine)
            self._over.wait(self.poll)

    def _done(self) -> bool:
        return self._over.is_set() or self.until()

    def _follow(self, machine: psutil.Process) -> None:
        self.boots.append(Boot())
        moments, before = self.boots[-1].moments, len(self.console())
        last = Moment(wall=0, processor=0)
        with suppress(psutil.NoSuchProcess):
            while machine.status() != psutil.STATUS_ZOMBIE and not self._done():
                used = machine.cpu_times()
                wall = time.time() - machine.create_time()
                last = Moment(wall=wall, processor=used.user + used.system)
                said = self.console()[before:]
                for phase in (phase for phase, mark in MARKS.items() if mark in said):
                    moments.setdefault(phase, last)
                self._over.wait(self.poll)
        moments[RESET] = last


def spent(name: str, place: Path, until: Callable[[], bool]) -> float:
    """Return what the machine `name` cost the processor when `until` was true, in seconds."""
    cost = 0.0
    while not until():
        time.sleep(_POLL_SECONDS)
        machine = _running(name, place)
        with suppress(psutil.NoSuchProcess):
            used = machine.cpu_times() if machine else None
            cost = used.user + used.system if used else cost
    return cost


def _running(name: str, place: Path) -> psutil.Process | None:
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        ours = any(str(place) in word for word in words)
        if ours and "qemu-system" in words[0] and name in words[1:3]:
            return process
    return None


def text(path: Path) -> str:
    """Return what is in the file, nothing while there is none."""
    return path.read_text(errors="replace") if path.exists() else ""


def table(ours: Mapping[str, Moment], bare: Mapping[str, Moment]) -> str:
    """Return the phases of both beside each other, with the ratios of their ends."""
    lines = [f"{'since power-on':14} {'ours':>8} {'bare':>8} {'ratio':>6}   CPU: ours, bare, ratio"]
    for phase in (*MARKS, RESET):
        if phase in ours and phase in bare:
            a, b = ours[phase], bare[phase]
            wall = f"{a.wall:7.0f}s {b.wall:7.0f}s {a.wall / b.wall:6.3f}"
            share = a.processor / max(b.processor, 0.01)
            cost = f"{a.processor:6.0f}s {b.processor:6.0f}s {share:6.3f}"
            lines.append(f"{phase:14} {wall}   {cost}")
    return "\n".join(lines)
