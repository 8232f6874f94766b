"""Logs as a browser is shown them: each line escaped, its terminal colours as classes of ours.

Nothing else that a terminal is told (moving the cursor, titles, links) has any effect.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup, escape

#: characters of one line that are shown; the file has all of it
LONGEST = 4000
_CODES = re.compile(
    r"\x1b\[(?P<sgr>[0-9;]*)m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[PX^_\]][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_FLAGS = frozenset({1, 2, 3, 4, 7, 9})
_ENDS = {22: {1, 2}, 23: {3}, 24: {4}, 27: {7}, 29: {9}}
_FRONT = frozenset({*range(30, 38), *range(90, 98)})
_BACK = frozenset({*range(40, 48), *range(100, 108)})
_PALETTE, _DIRECT = 5, 2


@dataclass(frozen=True, slots=True)
class Style:
    """The colours and flags that hold; `str` makes it a word that `read` takes back."""

    codes: frozenset[int] = frozenset()

    def __str__(self) -> str:
        """Return it as numbers with dots between them."""
        return ".".join(map(str, sorted(self.codes)))

    @classmethod
    def read(cls, text: str) -> "Style":
        """Return what `str` made a text of; what is no style of ours is left out."""
        numbers = {int(part) for part in text.split(".") if part.isdecimal() and len(part) < 4}
        return cls(frozenset(numbers & (_FLAGS | _FRONT | _BACK)))

    @property
    def classes(self) -> str:
        """Return the names of the classes that show it."""
        return " ".join(f"t{code}" for code in sorted(self.codes))

    def after(self, sgr: str) -> "Style":
        """Return the style after a `Select Graphic Rendition` with those numbers."""
        codes = set(self.codes)
        numbers = iter([int(part or 0) for part in sgr[:60].split(";")])
        for number in numbers:
            codes = _told(codes, number, numbers)
        return Style(frozenset(codes))


def _told(codes: set[int], number: int, rest: Iterator[int]) -> set[int]:
    if number == 0:
        return set()
    if number in {38, 48}:
        colour = _extended(rest)
        if colour is None:
            return codes
        number = colour + (10 if number == 48 else 0)
    for kinds, ends in ((_FRONT, 39), (_BACK, 49)):
        if number in kinds or number == ends:
            return codes - kinds | ({number} if number in kinds else set())
    if number in _FLAGS:
        return codes | {number}
    return codes - _ENDS.get(number, set())


def _extended(rest: Iterator[int]) -> int | None:
    """Return one of the sixteen colours for `38;5;n`, None for all that are finer."""
    kind = next(rest, 0)
    if kind == _PALETTE:
        number = next(rest, 16)
        if number < 8:
            return 30 + number
        return 90 + number - 8 if number < 16 else None
    if kind == _DIRECT:
        for _ in range(3):
            next(rest, 0)
    return None


def styled(line: str, style: Style) -> tuple[Markup, Style]:
    """Return one line without its end as markup, and the style that holds after it."""
    # A bar that is drawn over and over on one line: what is seen last.
    shown = line.rstrip("\r").rpartition("\r")[2]
    parts, at = [], 0
    cut = shown[:LONGEST]
    for code in _CODES.finditer(cut):
        parts.append(_part(cut[at : code.start()], style))
        at = code.end()
        if code["sgr"] is not None:
            style = style.after(code["sgr"])
    parts.append(_part(cut[at:], style))
    if len(shown) > LONGEST:
        parts.append(
            Markup('<i class="cut"> ({} more characters)</i>').format(len(shown) - LONGEST)
        )
    return Markup("").join(parts), style


def _part(text: str, style: Style) -> Markup:
    if not text or not style.codes:
        return escape(text)
    return Markup('<span class="{}">{}</span>').format(style.classes, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Lines as markup, and where to go on."""

    html: Markup
    #: the next line's number and style, and the bytes of the lines that are whole
    line: int
    style: Style
    whole: int


def rows(text: bytes, line: int, style: Style, *, ids: bool, href: str = "") -> Rows:
    """Return the lines of `text`, which begins at the begin of line number `line`.

    A line that has no end yet is marked `open`. With `ids` each can be linked to on its page; else
    its number leads to `href`.
    """
    *lines, rest = text.split(b"\n")
    shown: list[Markup] = []
    for raw in lines:
        markup, style = styled(raw.decode(errors="replace"), style)
        shown.append(_row(line, markup, ids=ids, href=href))
        line += 1
    if rest:
        markup, _ = styled(rest.decode(errors="replace"), style)
        shown.append(_row(line, markup, ids=ids, href=href, open_=True))
    whole = len(text) - len(rest)
    return Rows(html=Markup("").join(shown), line=line, style=style, whole=whole)


def _row(number: int, line: Markup, *, ids: bool, href: str, open_: bool = False) -> Markup:
    name = Markup(' id="L{}"').format(number) if ids else Markup("")
    where = f"#L{number}" if ids else f"{href}?line={number}#L{number}"
    end = "" if open_ else "\n"
    return Markup(
        '<span class="line{}"{}><a class="no" href="{}" tabindex="-1" data-no="{}"'
        ' aria-label="line {}"></a>{}{}</span>'
    ).format(" open" if open_ else "", name, where, number, number, line, end)


def address(*parts: object) -> str:
    """Return an address of `parts`, each quoted."""
    return "/" + "/".join(quote(str(part), safe="/+:@") for part in parts)
