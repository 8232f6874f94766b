"""What a run came to: a table, a sentence for each red cell, and what to type next."""

from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.text import Text

from orchestrator.cli import tables
from orchestrator.cli.marks import mark
from orchestrator.model.run import State
from orchestrator.model.verdict import ExitStatus, Verdict
from orchestrator.model.view import CellView, RunView

_WORDS = {
    ExitStatus.PASSED: ("every voting arch passed", "bold green"),
    ExitStatus.FAILED: ("the product failed", "bold red"),
    ExitStatus.USAGE: ("the request or the configuration is wrong", "bold yellow"),
    ExitStatus.UNDECIDED: ("undecided: the product was neither cleared nor blamed", "bold yellow"),
    ExitStatus.CANCELLED: ("cancelled", "bold"),
}
_QUIET = frozenset({None, Verdict.PASSED, Verdict.SKIPPED})


def title(view: RunView) -> Text:
    """Return the run in one line."""
    said = Text(f"run {view.run}", style="bold")
    said.append(f"  {view.repo}@{view.ref}  {view.commit}", style="none")
    return said.append(f"  {view.subject}" if view.subject else "", style="dim")


def causes(view: RunView, console: Console) -> Iterator[Text]:
    """Yield a line for each cell that is over and not green: what, whose, why."""
    for cell in view.cells:
        if cell.state is State.DONE and cell.verdict is not Verdict.PASSED:
            said = mark(cell).text(console, word=False).append(f" {cell.arch}: ", style="bold")
            blame = f"{cell.blame}: " if cell.blame else ""
            yield said.append(f"{blame}{cell.cause or cell.verdict}", style="none")


def summary(view: RunView, console: Console) -> Iterator[RenderableType]:
    """Yield all that a person wants of a run that is over, or how far it is."""
    yield title(view)
    yield ""
    yield tables.settled(view, console)
    yield ""
    if reds := list(causes(view, console)):
        yield from reds
        yield ""
    yield _outcome(view)
    yield next_step(view)


def next_step(view: RunView) -> Text:
    """Return what to type or open next."""
    bad = _worst(view)
    if view.exit is None:
        hint = f"smoketest watch {view.run}"
    elif bad is None:
        hint = "smoketest matrix"
    else:
        hint = f"smoketest show {bad.cell}"
    return Text(f"next: {hint}   page: {view.url}", style="dim")


def _outcome(view: RunView) -> Text:
    if view.exit is None:
        done = sum(cell.state is State.DONE for cell in view.cells)
        return Text(f"{done} of {len(view.cells)} cells are done", style="bold blue")
    words, style = _WORDS[ExitStatus(view.exit)]
    return Text(f"run {view.run}: {words}", style=style)


def _worst(view: RunView) -> CellView | None:
    bad = [cell for cell in view.cells if cell.verdict not in _QUIET]
    order = (Verdict.FAILED, Verdict.BROKEN, Verdict.CANCELLED)
    return min(bad, key=lambda c: order.index(c.verdict) if c.verdict else 9, default=None)
