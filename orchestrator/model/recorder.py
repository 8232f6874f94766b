"""Read a flight recorder's marks from an attempt's events and from its logs."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.flight import Leg, Line, Mark, Track
from orchestrator.model.progress import Progress, progress

#: marks of one console: a loop of resets must not fill a page
_MOST = 400
_CODES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[PX^_\]].*?(?:\x1b\\|\x07)|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
#: what firmware and loaders say about DHCP, TFTP and HTTP
_NETWORK = re.compile(
    r"PXE-|^(?:https?|tftp)://|^Configuring \(net|NBP file|^CLIENT MAC|^>>Start (?:PXE|HTTP)"
    r"|DHCP|^net\d: |Connection timed out"
)
_WRONG = re.compile(r"PXE-[EM]\d|Could not boot|timed out|[Pp]anic|Oops|I/O error|No such file")
_RED_TEST = re.compile(r" (?:failed|error)$")
_RED_TASK = re.compile(r"\] (?:failed|unreachable): ")
_TASK = re.compile(r"(?P<task>.*?) \[(?P<host>[^\]]*)\](?P<rest>.*)")
_FIRMWARE = frozenset({"In its firmware"})
_BY_STAGE: Mapping[Stage, Track] = {
    Stage.PROVISION: Track.INSTALLER,
    Stage.ATTEST: Track.INSTALLER,
    Stage.PARTNER: Track.PARTNER,
    Stage.DEPLOY: Track.ANSIBLE,
    Stage.COLLECT: Track.ANSIBLE,
    Stage.SMOKE: Track.TESTS,
}
_BY_KIND: Mapping[Kind, Track] = {
    Kind.POWERED_OFF: Track.POWER,
    Kind.POWERED_ON: Track.POWER,
    Kind.BOOT_SET: Track.POWER,
    Kind.OFFERED: Track.NETWORK,
    Kind.ARRIVED: Track.NETWORK,
    Kind.READY: Track.NETWORK,
    Kind.TESTED: Track.TESTS,
}
#: what the axis itself shows, or that is about the verdict and not the machines
_SHOWN = frozenset({Kind.STARTED, Kind.FINISHED, Kind.JUDGED, Kind.REPORTED, Kind.LEASED})
_WRONG_KINDS = frozenset({Kind.FAILED, Kind.LATE, Kind.SILENT})


def took_off(events: Sequence[Event]) -> datetime | None:
    """Return when the attempt was given its machines, or did anything: it only waited before."""
    work = (e.at for e in events if e.kind is Kind.LEASED or e.stage is not Stage.LEASE)
    return next(work, None)


def legs(events: Sequence[Event], began: datetime) -> tuple[Leg, ...]:
    """Return the stages in their order, one that was walked twice from its first start on."""
    found: dict[str, Leg] = {}
    for event in events:
        if event.at is None:
            continue
        second = (event.at - began).total_seconds()
        if event.kind is Kind.STARTED and event.stage not in found:
            found[event.stage] = Leg(stage=event.stage, begin=second, end=None)
        elif event.kind in {Kind.FINISHED, Kind.FAILED} and event.stage in found:
            bad = event.kind is Kind.FAILED
            found[event.stage] = replace(found[event.stage], end=second, bad=bad)
    return tuple(found.values())


def of_events(events: Sequence[Event], began: datetime) -> Iterator[Mark]:
    """Yield a mark for each event that is more than a stage's begin or end."""
    for event in events:
        if event.at is None or (event.kind in _SHOWN):
            continue
        track = _BY_KIND.get(event.kind) or _BY_STAGE.get(event.stage, Track.NOTES)
        bad = event.kind in _WRONG_KINDS or bool(
            _RED_TEST.search(event.text) if track is Track.TESTS else _RED_TASK.search(event.text)
        )
        yield Mark(
            track=track,
            second=(event.at - began).total_seconds(),
            text=event.text or str(event.kind),
            node=event.node,
            bad=bad,
            event=event.seq,
        )


def of_flight_log(lines: Iterable[str], file: str, began: datetime) -> Iterator[Mark]:
    """Yield a mark for each line of a flight log."""
    for number, text in enumerate(lines, 1):
        if line := Line.read(text):
            yield Mark(
                track=line.track,
                second=(line.at - began).total_seconds(),
                text=line.text,
                node=line.node,
                bad=": failed after " in line.text,
                file=file,
                line=number,
            )


def of_console(
    text: bytes, times: Sequence[tuple[int, datetime]], file: str, began: datetime
) -> Iterator[Mark]:
    """Yield a mark for each step that a console shows; `times` are offsets and when they came."""
    offsets = [offset for offset, _ in times]
    node = file.removeprefix("console-").removesuffix(".log")
    position, told, count = 0, None, 0
    for number, raw in enumerate(text.split(b"\n"), 1):
        at = times[max(0, bisect_right(offsets, position) - 1)][1]
        position += len(raw) + 1
        line = _CODES.sub("", raw.decode(errors="replace")).strip()
        step = _step(line, told) if line else None
        if step is None or count >= _MOST:
            continue
        track, said, told = step
        count += 1
        yield Mark(
            track=track,
            second=(at - began).total_seconds(),
            text=said,
            node=node,
            bad=bool(_WRONG.search(line)),
            file=file,
            line=number,
        )


def times_of(text: str) -> tuple[tuple[int, datetime], ...]:
    """Return what a console's file of times holds: where a part of it begins, when that came."""
    found = []
    for line in text.splitlines():
        offset, _, seconds = line.partition(" ")
        if offset.isdecimal() and seconds.replace(".", "", 1).isdecimal():
            found.append((int(offset), datetime.fromtimestamp(float(seconds)).astimezone()))
    return tuple(found)


def placed(marks: Iterable[Mark], logs: Mapping[str, str]) -> Iterator[Mark]:
    """Yield the marks, those of tasks and tests with the line of a log that shows them."""
    finders = {
        Track.ANSIBLE: _Finder(_plays(logs), _heads),
        Track.TESTS: _Finder(_suites(logs), _ends),
    }
    for mark in marks:
        finder = finders.get(mark.track)
        file, line = finder.find(mark.text) if finder and not mark.file else ("", 0)
        yield replace(mark, file=file, line=line) if file else mark


class _Finder:
    """Finds lines in logs, going on from the last one that it found in each."""

    def __init__(self, logs: Mapping[str, str], needle: Callable[[str], tuple[str, str]]) -> None:
        self._lines = {name: text.splitlines() for name, text in logs.items()}
        self._at = dict.fromkeys(logs, 0)
        self._needle = needle

    def find(self, text: str) -> tuple[str, int]:
        """Return the file and line that `text` is about, or an empty name and 0."""
        begin, within = self._needle(text)
        if not within:
            return "", 0
        for name, lines in self._lines.items():
            for index in range(self._at[name], len(lines)):
                if lines[index].startswith(begin) and within in lines[index]:
                    self._at[name] = index
                    return name, index + 1
        return "", 0


def _heads(text: str) -> tuple[str, str]:
    """Return how the line of a task begins, and what is in it: `TASK [role : task] ***`."""
    found = _TASK.fullmatch(text)
    return ("TASK [", f"{found['task']}]") if found else ("", "")


def _ends(text: str) -> tuple[str, str]:
    """Return what is in the line of a test that ended: `test_x.py::test_a PASSED [ 10%]`."""
    name, _, outcome = text.rpartition(" ")
    return "", f"::{name.partition('::')[2]} {outcome.upper()}" if "::" in name else ""


def _plays(logs: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in logs.items() if not name.startswith("smoke")}


def _suites(logs: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in logs.items() if name.startswith("smoke")}


def _step(line: str, told: Progress | None) -> tuple[Track, str, Progress | None] | None:
    """Return the track, what to say, and the progress told last; None: the line is no news."""
    if _NETWORK.search(line):
        return Track.NETWORK, line[:160], told
    found = progress([line])
    if found is None:
        return (Track.CONSOLE, line[:160], told) if _WRONG.search(line) else None
    if not found.news(told):
        return None
    return _track_of(found, line), str(found), found


def _track_of(found: Progress, line: str) -> Track:
    if line.startswith(("[*]", "Calling task_", "smoketest: ")) or found.fraction is not None:
        return Track.INSTALLER
    return Track.CONSOLE
