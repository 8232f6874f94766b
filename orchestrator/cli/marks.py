"""Glyph, word and colour of each state: never the colour alone."""

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from orchestrator.model.run import State
from orchestrator.model.verdict import Verdict
from orchestrator.model.view import CellView


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How a state looks: in a line of text, and as a square of the matrix."""

    glyph: str
    ascii: str
    word: str
    style: str
    square: str

    def text(self, console: Console, *, word: bool = True) -> Text:
        """Return the glyph, with its word, as far as the console can show it."""
        return Text(self._written(console, word=word), style=self.style)

    def filled(self, console: Console, width: int) -> Text:
        """Return the square, `width` characters wide."""
        return Text(f" {self._written(console, word=True)}".ljust(width), style=self.square)

    def _written(self, console: Console, *, word: bool) -> str:
        glyph = self.ascii if console.options.ascii_only else self.glyph
        return f"{glyph} {self.word}" if word else glyph


_VERDICTS = {
    Verdict.PASSED: Mark(
        glyph="✔", ascii="+", word="passed", style="green", square="bold white on green4"
    ),
    Verdict.FAILED: Mark(
        glyph="✘", ascii="x", word="failed", style="bold red", square="bold white on red3"
    ),
    Verdict.BROKEN: Mark(
        glyph="!", ascii="!", word="broken", style="yellow", square="bold black on gold3"
    ),
    Verdict.CANCELLED: Mark(
        glyph="□", ascii="-", word="cancelled", style="dim", square="white on grey37"
    ),
    Verdict.SKIPPED: Mark(
        glyph="·", ascii=".", word="skipped", style="dim", square="white on grey37"
    ),
}
_STATES = {
    State.WAITING: Mark(
        glyph="…", ascii="_", word="waiting", style="cyan", square="black on light_cyan3"
    ),
    State.RUNNING: Mark(
        glyph="▸", ascii=">", word="running", style="bold blue", square="bold white on dodger_blue3"
    ),
    State.DONE: Mark(glyph="?", ascii="?", word="done", style="dim", square="white on grey37"),
}


def mark(cell: CellView) -> Mark:
    """Return the mark of a cell: its verdict's once there is one, its state's before."""
    settled = cell.verdict is not None and cell.state is State.DONE
    return _VERDICTS[cell.verdict] if settled and cell.verdict else _STATES[cell.state]


def verdict_mark(verdict: Verdict | None) -> Mark:
    """Return the mark of an attempt's verdict; of something running when None."""
    return _VERDICTS[verdict] if verdict else _STATES[State.RUNNING]
