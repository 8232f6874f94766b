"""The flight recorder: all that is known of an attempt on one time axis, and the last good one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from orchestrator.model import recorder
from orchestrator.model.flight import FLIGHT_LOG, TIMES, Flight, Mark, Track
from orchestrator.model.ids import AttemptId, CellId, run_of
from orchestrator.ports.files import Files
from orchestrator.ports.pasts import Pasts
from orchestrator.ports.store import Events, Runs

#: bytes of one log that are looked through
LARGEST = 4 << 20
#: settled attempts whose recorder is kept
KEPT = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Reads the history and the kept files."""

    runs: Runs
    events: Events
    files: Files
    pasts: Pasts
    _read: Callable[[AttemptId, int], Flight | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Begin with nothing kept."""
        object.__setattr__(self, "_read", lru_cache(maxsize=KEPT)(self._compose))

    def flight(self, attempt: AttemptId) -> Flight | None:
        """Return what was recorded of the attempt; None before anything happened to it."""
        # What was written since shows in the files' sizes; a settled attempt is read once.
        return self._read(attempt, hash(self._state(attempt)))

    def last_good(self, cell: CellId) -> AttemptId | None:
        """Return the attempt that was green last on this arch before the cell's run, or None."""
        found = self.runs.cell(cell)
        repo = self.runs.run(found.run).repo
        return self.pasts.last_good(repo, found.arch.name, run_of(cell))

    def _state(self, attempt: AttemptId) -> tuple[object, ...]:
        past = self.events.of(attempt)
        sizes = tuple(self.files.size(attempt, name) for name in self._logs(attempt))
        return (past[-1].seq if past else 0, sizes)

    def _logs(self, attempt: AttemptId) -> list[str]:
        names = self.files.names(attempt)
        return [name for name in names if name.endswith((".log", TIMES)) and "/" not in name]

    def _compose(self, attempt: AttemptId, _state: int) -> Flight | None:
        events = [event for event in self.events.of(attempt) if event.at]
        if not events or events[0].at is None or events[-1].at is None:
            return None
        began = recorder.took_off(events) or events[0].at
        names = self._logs(attempt)
        console, gaps = self._consoles(attempt, names, began)
        said = self._lines(attempt, names, began)
        known = {(mark.track, mark.node) for mark in (*console, *said)}
        told = [m for m in recorder.of_events(events, began) if _news(m, known)]
        logs = {name: self._text(attempt, name) for name in names if _telling(name)}
        marks = sorted(
            (*console, *said, *recorder.placed(told, logs)), key=lambda mark: mark.second
        )
        ended = max([(events[-1].at - began).total_seconds(), *(m.second for m in marks[-1:])])
        return Flight(
            attempt=attempt,
            began=began,
            seconds=max(ended, 0.001),
            legs=recorder.legs(events, began),
            marks=tuple(_on_axis(marks)),
            gaps=gaps,
        )

    def _consoles(
        self, attempt: AttemptId, names: Sequence[str], began: datetime
    ) -> tuple[list[Mark], tuple[str, ...]]:
        marks: list[Mark] = []
        gaps: list[str] = []
        for name in (n for n in names if n.startswith("console-") and n.endswith(".log")):
            kept = f"{name.removesuffix('.log')}{TIMES}"
            times = recorder.times_of(self._text(attempt, kept)) if kept in names else ()
            if times:
                text = self.files.read(attempt, name, 0, LARGEST)
                marks += recorder.of_console(text, times, name, began)
            else:
                gaps.append(f"{name} was kept without times, so its lines are not on the axis")
        return marks, tuple(gaps)

    def _lines(self, attempt: AttemptId, names: Sequence[str], began: datetime) -> list[Mark]:
        if FLIGHT_LOG not in names:
            return []
        text = self._text(attempt, FLIGHT_LOG)
        return list(recorder.of_flight_log(text.splitlines(), FLIGHT_LOG, began))

    def _text(self, attempt: AttemptId, name: str) -> str:
        return self.files.read(attempt, name, 0, LARGEST).decode(errors="replace")


def _on_axis(marks: Sequence[Mark]) -> Sequence[Mark]:
    """Return the marks that lie on the axis: a console keeps what an older lease printed."""
    return [mark for mark in marks if mark.second >= 0]


def _telling(name: str) -> bool:
    return name.endswith(".log") and name != FLIGHT_LOG and not name.startswith("console-")


def _news(mark: Mark, known: set[tuple[Track, str]]) -> bool:
    """Return whether no log tells the same more closely: each command, each line of a console."""
    closer = mark.track in {Track.POWER, Track.INSTALLER} and not mark.bad
    return not (closer and (mark.track, mark.node) in known)
