"""The matrix: archs down, runs across, the newest on the left."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.marks import mark
from orchestrator.model.view import RunView

#: the longest word, its glyph and a space on either side
SQUARE = 13
_GAP = 1


def matrix(views: Sequence[RunView], console: Console) -> Table:
    """Return as many of the runs (newest first) as the console is wide."""
    archs = list(dict.fromkeys(cell.arch for view in views for cell in view.cells))
    first = max((len(arch) for arch in archs), default=4)
    room = max(1, (console.width - first - _GAP) // (SQUARE + _GAP))
    shown = views[:room]
    made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    made.add_column("", no_wrap=True)
    for view in shown:
        made.add_column(_heading(view), width=SQUARE, no_wrap=True)
    for arch in archs:
        squares = [_square(view, arch, console) for view in shown]
        if any(squares):
            made.add_row(arch, *squares)
    return made


def _heading(view: RunView) -> Text:
    lines = (f"run {view.run}", view.ref, view.commit)
    return Text("\n".join(line[:SQUARE] for line in lines), style="bold")


def _square(view: RunView, arch: str, console: Console) -> Text:
    cell = next((cell for cell in view.cells if cell.arch == arch), None)
    return mark(cell).filled(console, SQUARE) if cell else Text()
