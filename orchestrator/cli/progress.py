"""A run while it goes on: live bars on a terminal, a line per change elsewhere."""

from datetime import datetime
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestrator.cli import tables
from orchestrator.cli.durations import elapsed, spoken
from orchestrator.cli.marks import mark
from orchestrator.cli.summary import title
from orchestrator.model.event import Stage
from orchestrator.model.run import State
from orchestrator.model.view import CellView, RunView

_STAGES = [stage.value for stage in Stage]
#: lines of a terminal that the cells leave to the rest
_MARGIN = 5


class Progress(Protocol):
    """Shows a run again and again."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        ...

    def update(self, view: RunView) -> None:
        """Show the run as it is now."""
        ...


def progress(console: Console) -> Progress:
    """Return what suits the console."""
    return Bars(console) if console.is_terminal and not console.is_dumb_terminal else Lines(console)


class Lines:
    """One line per change: time, cell, what."""

    def __init__(self, console: Console) -> None:
        """Take the console to print on."""
        self._console = console
        self._said: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy."""

    def update(self, view: RunView) -> None:
        """Print what changed since the last call."""
        for cell in view.cells:
            now = _state(cell)
            if self._said.get(cell.cell) != now:
                self._said[cell.cell] = now
                glyph = mark(cell).text(self._console, word=False).plain
                stamp = datetime.now().astimezone().strftime("%H:%M:%S")
                self._console.print(f"{stamp} {cell.cell} {glyph} {now}", soft_wrap=True)


class Bars:
    """One line per cell, with a bar over the stages, redrawn in place."""

    def __init__(self, console: Console) -> None:
        """Take the terminal."""
        self._console = console
        self._view: RunView | None = None
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=4,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        self._live.stop()

    def update(self, view: RunView) -> None:
        """Draw this from now on."""
        self._view = view

    def _draw(self) -> RenderableType:
        return screen(self._view, self._console) if self._view else Text("asking ...")


def screen(view: RunView, console: Console) -> RenderableType:
    """Return the run as it fits the terminal: what goes on first, the rest as numbers."""
    room = max(3, console.height - _MARGIN)
    order = (State.RUNNING, State.DONE, State.WAITING)
    cells = view.cells
    if len(cells) > room:
        cells = tuple(sorted(cells, key=lambda cell: order.index(cell.state))[:room])
    made = Table.grid(padding=(0, 1))
    for column in ("glyph", "arch", "bar", "time"):
        made.add_column(column, no_wrap=True)
    made.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    made.expand = True
    for cell in cells:
        _add(made, cell, view, console)
    counts = tables.counts(view.cells, console)
    hint = Text(f"  Ctrl-C leaves it going; {view.url}", style="dim")
    return Group(title(view), made, counts.append_text(hint))


def _add(made: Table, cell: CellView, view: RunView, console: Console) -> None:
    kind = mark(cell)
    took = spoken(elapsed(cell, view.asked_at))
    what = Text(_state(cell), style=kind.style)
    made.add_row(kind.text(console, word=False), cell.arch, _bar(cell, console), took, what)


def _bar(cell: CellView, console: Console) -> Text:
    """Return a bar with one block per stage."""
    full, empty = ("#", "-") if console.options.ascii_only else ("━", "─")
    done = len(_STAGES) if cell.state is State.DONE else _reached(cell)
    bar = Text(full * done, style=mark(cell).style)
    return bar.append(empty * (len(_STAGES) - done), style="dim")


def _reached(cell: CellView) -> int:
    return _STAGES.index(cell.stage) + 1 if cell.stage in _STAGES else 0


def _state(cell: CellView) -> str:
    """Return where a cell is, in words that change only when it does."""
    if cell.state is State.DONE:
        blame = f" ({cell.blame})" if cell.blame else ""
        cause = f": {cell.cause}" if cell.cause else ""
        return f"{cell.verdict or 'done'}{blame}{cause}"
    again = f"attempt {cell.attempts}, " if cell.attempts > 1 else ""
    if cell.state is State.WAITING:
        return f"{again}{cell.why or 'waiting'}"
    machines = f" on {', '.join(cell.nodes)}" if cell.nodes else ""
    if cell.doing:
        return f"{again}{cell.stage} on {cell.doing}"
    return f"{again}{cell.stage or 'starting'}{machines}"
