"""The matrix's squares and trends, as markup."""

from datetime import datetime
from functools import lru_cache
from typing import Final

from markupsafe import Markup

from orchestrator.model.grid import Line, Square
from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellView
from orchestrator.web.looks import Face, age, face
from orchestrator.web.markup import GLYPHS, cell_page, told

_NONE: Final = '<span class="none" title="not asked for">\u00b7</span>'
#: height and top of a verdict's bar in a trend
_WORTH: Final = {
    Verdict.PASSED: (6, 8),
    Verdict.FAILED: (14, 0),
    Verdict.BROKEN: (5, 0),
    Verdict.CANCELLED: (3, 11),
    Verdict.SKIPPED: (3, 11),
}


def squares(line: Line, first: int, differs: str, now: datetime) -> Markup:
    """Return a row's squares; `first` is the number of the first column, 1 being the newest."""
    faint_as = f"as {differs}" if differs else ""
    found = enumerate(line.squares, first + 1)
    return Markup("".join(_place(n, one, line, faint_as, now) for n, one in found))  # noqa: S704


def trend(line: Line) -> Markup:
    """Return how a row went lately as bars; nothing where nothing is known."""
    known = [verdict for verdict in line.trend if verdict]
    if not known:
        return Markup()
    width = len(line.trend) * 4
    counts = ((kind, known.count(kind)) for kind in list(_WORTH)[:3])
    said = "".join(f"{count} {kind} " for kind, count in counts if count)
    bars = "".join(_bar(v, at * 4) for at, v in enumerate(line.trend) if v)
    return Markup(  # noqa: S704  # numbers and verdicts
        f'<svg class="trend" viewBox="0 0 {width} 14" width="{width}" height="14" role="img"'
        f' aria-label="lately {said}of {len(known)}">{bars}</svg>'
    )


@lru_cache(maxsize=512)
def _bar(verdict: Verdict, x: int) -> str:
    height, y = _WORTH[verdict]
    bar = f'<rect class="is-{verdict}" x="{x}" y="{y}" width="3" height="{height}"/>'
    if verdict is Verdict.BROKEN:
        bar += f'<rect class="is-{verdict}" x="{x}" y="9" width="3" height="5"/>'
    return bar


def _place(number: int, found: Square | None, line: Line, faint_as: str, now: datetime) -> str:
    if found is None:
        return f'<td aria-colindex="{number}">{_NONE}</td>'
    cell = found.cell
    same = faint_as if found.faint and cell.verdict == line.base else ""
    square = _square(cell, same, now, faint=found.faint)
    return f'<td aria-colindex="{number}" id="c-{told(cell.cell)}">{square}</td>'


def _square(cell: CellView, same: str, now: datetime, *, faint: bool) -> str:
    look = face(cell)
    kind = told(look.kind)
    ago = age(cell.updated, now) if cell.updated else ""
    shades = f"{'' if cell.voting else ' advisory'}{' faint' if faint else ''}"
    old = f'<span class="age">{ago}</span>' if ago and cell.state is not State.RUNNING else ""
    notes = _notes(cell, same)
    note = f'<span class="note">{notes}</span>' if notes else ""
    return (
        f'<a class="square is-{kind}{shades}" href="{cell_page(cell.cell)}"'
        f' title="{_title(cell, look)}{f" ({ago})" if ago else ""}">{GLYPHS[look.kind]}'
        f'<span class="word">{told(look.word)}</span>{old}{note}</a>'
    )


def _title(cell: CellView, look: Face) -> str:
    blame = f", blame {cell.blame}" if cell.blame else ""
    why = cell.cause or cell.why
    cause = f": {told(why)}" if why else ""
    doing = f": {told(cell.doing)}" if cell.doing else ""
    return f"{told(cell.cell)}: {told(look.word)}{blame}{cause}{doing}"


def _notes(cell: CellView, same: str) -> str:
    notes = [told(same)] if same else []
    if cell.blame and cell.verdict:
        notes.append(str(cell.blame))
    if cell.partner:
        notes.append(f"partner {told(cell.partner)}")
    elif cell.provenance:
        notes.append(str(cell.provenance))
    if cell.attempts > 1:
        notes.append(f"{cell.attempts} tries")
    if cell.cause.startswith("late:"):
        notes.append("late")
    return ", ".join(notes)
