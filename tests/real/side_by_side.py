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
class Watched:
    """The first boot of the machine that QEMU calls `name`, watched until it ends."""

    name: str
    #: where its files are: other labs have machines of that name
    place: Path
    #: what its console said by now
    console: Callable[[], str]
    moments: dict[str, Moment] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> threading.Thread:
        """Watch from now on, in a thread of its own."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()

    def _watch(self) -> None:
        while (machine := _running(self.name, self.place)) is None:
            if self._over.wait(_POLL_SECONDS):
                return
        last = Moment(wall=0, processor=0)
        while not self._over.wait(_POLL_SECONDS):
            with suppress(psutil.NoSuchProcess):
                if machine.status() != psutil.STATUS_ZOMBIE:
                    last = self._look(machine)
                    continue
            self.moments[RESET] = last
            return

    def _look(self, machine: psutil.Process) -> Moment:
        used = machine.cpu_times()
        now = Moment(wall=time.time() - machine.create_time(), processor=used.user + used.system)
        said = self.console()
        for phase, mark in MARKS.items():
            if mark in said:
                self.moments.setdefault(phase, now)
        return now


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
