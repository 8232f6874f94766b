"""The flight recorder as a picture: tracks down, time across, this attempt above the last good one.

Places are percents of the width, so that the picture is as wide as the page and its points are not
stretched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from orchestrator.model.flight import Flight, Leg, Mark, Track
from orchestrator.web.ansi import address

#: percents of the width within which points of a track are one
NEAR = 0.35
#: marks that the table beside the picture lists
LISTED = 600
#: seconds between two ticks of an axis
STEPS = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    21600,
    86400,
)
_TICKS = 6
WORDS = {
    Track.POWER: "Power",
    Track.NETWORK: "DHCP, TFTP, HTTP",
    Track.CONSOLE: "Console",
    Track.INSTALLER: "Installer",
    Track.PARTNER: "Partner",
    Track.ANSIBLE: "Ansible",
    Track.TESTS: "Tests",
    Track.NOTES: "Notes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a track, or several that would lie on one another."""

    x: float
    second: float
    text: str
    href: str
    bad: bool
    count: int = 1

    @property
    def more(self) -> str:
        """Return how many more lie there, in words to follow the text."""
        return f" (and {self.count - 1} more)" if self.count > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A stage on the axis; `x` and `width` in percents."""

    stage: str
    seconds: float
    x: float
    width: float
    bad: bool
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A track: this attempt's points and the last good one's."""

    track: Track
    word: str
    dots: tuple[Dot, ...]
    good: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How long a stage took here and in the last good attempt; None: it was not there."""

    stage: str
    here: float | None
    good: float | None
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The whole picture."""

    attempt: str
    good: str
    #: the stage that is shown alone, or empty
    zoom: str
    bands: tuple[Band, ...]
    good_bands: tuple[Band, ...]
    #: places and times of the axis
    ticks: tuple[tuple[float, float], ...]
    rows: tuple[Row, ...]
    compared: tuple[Compared, ...]
    marks: tuple[tuple[Mark, str], ...]
    more: int
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    begin: float
    seconds: float

    def x(self, second: float) -> float:
        return round(100 * (second - self.begin) / self.seconds, 3)

    def holds(self, second: float) -> bool:
        return self.begin <= second <= self.begin + self.seconds


def chart(flight: Flight, good: Flight | None, zoom: str = "") -> Chart:
    """Return the picture of an attempt beside the last good one, or of one stage of both."""
    zoom = zoom if any(leg.stage == zoom for leg in flight.legs) else ""
    mine, theirs = _extent(flight, zoom), _extent(good, zoom) if good else None
    seconds = max(mine[1], theirs[1] if theirs else 0, 0.01)
    here = _Window(mine[0], seconds)
    there = _Window(theirs[0], seconds) if theirs else None
    shown = [mark for mark in flight.marks if here.holds(mark.second)]
    linked = tuple((mark, link(flight.attempt, mark)) for mark in shown[:LISTED])
    return Chart(
        attempt=flight.attempt,
        good=good.attempt if good else "",
        zoom=zoom,
        bands=_bands(flight, here),
        good_bands=_bands(good, there) if good and there else (),
        ticks=_ticks(here),
        rows=_rows(flight, good, here, there),
        compared=_compared(flight, good),
        marks=linked,
        more=max(0, len(shown) - LISTED),
        gaps=flight.gaps,
    )


def link(attempt: str, mark: Mark) -> str:
    """Return the address of the log line that says so; of the event where no log does."""
    if mark.file:
        return f"{address('logs', attempt, mark.file)}?line={mark.line}#L{mark.line}"
    cell = attempt.rpartition("/")[0]
    return f"{address('cells', cell)}#e-{mark.event}"


def _extent(flight: Flight, zoom: str) -> tuple[float, float]:
    for leg in flight.legs:
        if leg.stage == zoom:
            return leg.begin, max((leg.end or flight.seconds) - leg.begin, 0.0)
    return 0.0, flight.seconds


def _rows(
    flight: Flight, good: Flight | None, here: _Window, there: _Window | None
) -> tuple[Row, ...]:
    found = []
    for track in Track:
        dots = _dots(flight, track, here)
        others = _dots(good, track, there) if good and there else ()
        if dots or others:
            found.append(Row(track=track, word=WORDS[track], dots=dots, good=others))
    return tuple(found)


def _dots(flight: Flight, track: Track, window: _Window) -> tuple[Dot, ...]:
    found: list[Dot] = []
    for mark in flight.marks:
        if mark.track is not track or not window.holds(mark.second):
            continue
        said = f"{mark.node}: {mark.text}" if mark.node else mark.text
        dot = Dot(
            x=window.x(mark.second),
            second=mark.second,
            text=said,
            href=link(flight.attempt, mark),
            bad=mark.bad,
        )
        if found and dot.x - found[-1].x < NEAR:
            found[-1] = _both(found[-1], dot)
        else:
            found.append(dot)
    return tuple(found)


def _both(first: Dot, second: Dot) -> Dot:
    """Return one for both: it leads to what went wrong, if anything did."""
    count = first.count + 1
    if second.bad and not first.bad:
        return replace(second, x=first.x, count=count)
    return replace(first, count=count)


def _bands(flight: Flight, window: _Window) -> tuple[Band, ...]:
    return tuple(_band(leg, flight, window) for leg in flight.legs if _inside(leg, flight, window))


def _inside(leg: Leg, flight: Flight, window: _Window) -> bool:
    end = leg.end if leg.end is not None else flight.seconds
    return end > window.begin and leg.begin < window.begin + window.seconds


def _band(leg: Leg, flight: Flight, window: _Window) -> Band:
    end = leg.end if leg.end is not None else flight.seconds
    begin_x, end_x = max(0.0, window.x(leg.begin)), min(100.0, window.x(end))
    return Band(
        stage=leg.stage,
        seconds=end - leg.begin,
        x=begin_x,
        width=round(max(end_x - begin_x, 0.05), 3),
        bad=leg.bad,
        live=leg.end is None,
    )


def _ticks(window: _Window) -> tuple[tuple[float, float], ...]:
    step = next((s for s in STEPS if window.seconds / s <= _TICKS), STEPS[-1])
    count = int(window.seconds / step) + 1
    return tuple((round(100 * n * step / window.seconds, 3), n * step) for n in range(count))


def _compared(flight: Flight, good: Flight | None) -> tuple[Compared, ...]:
    ours, theirs = _lengths(flight.legs), _lengths(good.legs if good else ())
    live = {leg.stage for leg in flight.legs if leg.end is None}
    stages: Iterable[str] = dict.fromkeys((*ours, *theirs))
    return tuple(
        Compared(stage=s, here=ours.get(s), good=theirs.get(s), live=s in live) for s in stages
    )


def _lengths(legs: Sequence[Leg]) -> dict[str, float | None]:
    return {leg.stage: leg.end - leg.begin if leg.end is not None else None for leg in legs}
