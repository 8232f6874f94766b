"""How values look on a page: words, glyphs, times, addresses; and no control code ever."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup

from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellView, RunView

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
#: terminal escapes, other control codes, and what turns the direction of writing around
_UNSHOWN = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b."
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How a square or a run is shown: `kind` picks glyph and colour, `word` says the same."""

    kind: str
    word: str


def face(cell: CellView) -> Face:
    """Return the verdict, the stage under way, or that it waits."""
    if cell.state is State.RUNNING:
        return Face(kind="running", word=cell.stage or "running")
    if cell.verdict is None:
        return Face(kind="waiting", word="waiting")
    return Face(kind=cell.verdict, word=cell.verdict)


def outcome(run: RunView) -> Face:
    """Return a run's state in one word: its worst cell once it is done."""
    if run.state is State.RUNNING:
        return Face(kind="running", word="running")
    if run.state is State.WAITING:
        return Face(kind="waiting", word="waiting")
    verdicts = [cell.verdict for cell in run.cells if cell.verdict]
    order = (Verdict.FAILED, Verdict.BROKEN, Verdict.CANCELLED, Verdict.PASSED, Verdict.SKIPPED)
    worst = next((verdict for verdict in order if verdict in verdicts), Verdict.SKIPPED)
    return Face(kind=worst, word=worst)


def clean(text: object) -> object:
    """Return text without control codes; anything else as it is."""
    if not isinstance(text, str) or isinstance(text, Markup):
        return text
    # most words of a page are plain: to see that is far faster than to search them
    return text if text.isascii() and text.isprintable() else _UNSHOWN.sub("", text)


def span(seconds: float) -> str:
    """Return a length of time in at most two units: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:  # below ten, tenths can still be told apart
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def age(then: datetime, now: datetime) -> str:
    """Return how long ago that was, in one unit: `now`, `40 s`, `3 min`, `2 h`, `5 d`."""
    seconds = int((now - then).total_seconds())
    if seconds < 1:
        return "now"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def stamp(when: datetime) -> str:
    """Return the full time for a person: `2026-11-20 14:03:07 UTC`."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def clock(when: datetime) -> str:
    """Return the time of day: `14:03:07`."""
    return f"{when:%H:%M:%S}"


def path(*parts: object) -> str:
    """Return the address below the root that leads through `parts`; a slash in one stays."""
    return "/" + "/".join(quote(str(part), safe="/+:@") for part in parts)


def people(names: Sequence[str]) -> str:
    """Return `a`, `a or b`, `a, b or c`."""
    if len(names) < 2:  # one name stands alone
        return "".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"
