"""Pieces of pages that stand there hundreds of times, as text: macros take ten times as long.

Whatever is put between markup here and in the modules that build on it is a number, a word of ours
(a value of an enumeration), or passes `told`.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from orchestrator.web.looks import Face, age, clean, path, stamp

_CROSS: Final = "M4 4 12 12M12 4 4 12"
_SIGN: Final = "M8 2.2 14.4 13.4H1.6ZM8 6.4V9.6M8 11.4V11.6"
_RING: Final = "M8 2.2A5.8 5.8 0 1 0 8 13.8 5.8 5.8 0 1 0 8 2.2"
_PLAY: Final = "M5 3.4 12.4 8 5 12.6Z"
_DRAWN: Final = {
    "passed": "M3 8.6 6.6 12 13 4.4",
    "failed": _CROSS,
    "error": _CROSS,
    "broken": _SIGN,
    "cancelled": f"{_RING}M4 4 12 12",
    "skipped": "M4 8H12",
    "waiting": f"{_RING}M8 4.8V8L10.4 9.6",
    "running": _PLAY,
    "in-service": _RING,
    "leased": _PLAY,
    "quarantined": _SIGN,
    "drained": "M5.6 3.4V12.6M10.4 3.4V12.6",
}
_GLYPH: Final = (
    '<svg class="glyph" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
    '<path d="{}"/></svg>'
)
#: the sign of each kind of verdict, state and standing
GLYPHS: Final[Mapping[str, Markup]] = {
    kind: Markup(_GLYPH.format(drawn))  # noqa: S704  # all of it is written above
    for kind, drawn in _DRAWN.items()
}


@lru_cache(maxsize=1 << 14)
def told(text: str) -> str:
    """Return somebody's text as it may stand between markup and in attributes."""
    return str(escape(clean(text)))


@lru_cache(maxsize=1 << 12)
def cells_page(arch: str) -> str:
    """Return the end of the address of an arch's cells."""
    return told(path(arch))


def cell_page(cell: str) -> str:
    """Return the address of a cell's page."""
    run, _, arch = cell.partition("/")
    return f"/cells/{told(run)}{cells_page(arch)}"


def badge(face: Face, note: str = "") -> Markup:
    """Return a verdict or state with its sign, its word, and a note."""
    small = f" <small>{told(note)}</small>" if note else ""
    return Markup(  # noqa: S704  # escaped by `told`
        f'<span class="badge is-{told(face.kind)}">{GLYPHS[face.kind]}'
        f"<span>{told(face.word)}{small}</span></span>"
    )


def moment(when: datetime, now: datetime, suffix: str = "") -> Markup:
    """Return how long ago that was, which scripts keep right, with the full time behind it."""
    ago = age(when, now)
    words = ago if ago == "now" else f"{ago}{told(suffix)}"
    return Markup(f'{_time(when)} data-age="{told(suffix)}">{words}</time>')  # noqa: S704


@lru_cache(maxsize=1 << 13)
def _time(when: datetime) -> str:
    return f'<time datetime="{when.isoformat()}" title="{stamp(when)}"'
