"""A cell in full: every attempt with its stages, times, cause, tests, files and logins."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrator.cli.durations import local, spoken
from orchestrator.cli.marks import mark, verdict_mark
from orchestrator.cli.tables import table
from orchestrator.model.event import Event, Kind, Stage
from orchestrator.model.result import Outcome
from orchestrator.model.view import AttemptView, CellDetail

_ENDS = {Kind.FINISHED: "done", Kind.FAILED: "failed"}
_GREEN = frozenset({Outcome.PASSED, Outcome.SKIPPED})


def detail(view: CellDetail, console: Console) -> Iterator[RenderableType]:
    """Yield the whole cell."""
    cell, run = view.cell, view.run
    yield Text(cell.cell, style="bold").append("  ").append_text(mark(cell).text(console))
    yield f"{run.repo}@{run.ref}  {run.commit}  {run.subject}".rstrip()
    if cell.blame or cell.cause:
        yield Text(f"{cell.blame or 'cause'}: {cell.cause}", style="bold")
    if cell.why:
        until = cell.wait.until if cell.wait else None
        starts = f"; starts at about {local(until)}" if until else ""
        yield Text(f"{cell.why}{starts}", style="cyan")
    people = ", ".join(view.lieutenants) or "nobody is named"
    yield Text(f"answers for it: {people}   page: {cell.url}", style="dim")
    for attempt in view.attempts:
        yield ""
        yield _heading(attempt, console)
        if attempt.cause and attempt.cause != cell.cause:
            yield f"  {_blamed(attempt)}{attempt.cause}"
        yield from _attempt(attempt, cell.url)


def logins(attempt: AttemptView) -> Iterator[Text]:
    """Yield how to log in to the attempt's machines while they are leased."""
    if attempt.held_until:
        yield Text(f"its machines are held until {local(attempt.held_until)}")
    for line in attempt.ssh:
        yield Text(line, style="bold")


def _heading(attempt: AttemptView, console: Console) -> Text:
    head = Text(f"attempt {attempt.attempt.rpartition('/')[2]}  ", style="bold")
    head.append_text(verdict_mark(attempt.verdict).text(console))
    return head.append(f"  on {', '.join(attempt.nodes)}" if attempt.nodes else "", style="none")


def _blamed(attempt: AttemptView) -> str:
    return f"{attempt.blame}: " if attempt.blame else ""


def _attempt(attempt: AttemptView, cell_url: str) -> Iterator[RenderableType]:
    yield Padding(_stages(attempt), (0, 0, 0, 2))
    for event in attempt.events:
        if event.kind is Kind.ATTESTED:
            yield Text(f"  attested: {event.node} {event.text}", style="dim")
    for test in attempt.tests:
        if test.outcome not in _GREEN:
            yield Text(f"  {test.outcome}: {test.name} {test.message}", style="red")
            yield from (Text(f"    {line}", style="dim") for line in test.excerpt.splitlines())
    for event in attempt.events:
        if event.kind is Kind.DIAGNOSED and event.excerpt:
            yield from (Text(f"    {line}", style="dim") for line in event.excerpt.splitlines())
    yield from (Text("  ").append_text(line) for line in logins(attempt))
    if attempt.files:
        yield Text(f"  files, at {_files_url(attempt, cell_url)}", style="dim")
        yield from (Text(f"    {name}") for name in attempt.files)


def _stages(attempt: AttemptView) -> Table:
    made = table("stage", "began", ">took", "came to")
    for stage in Stage:
        of_stage = [event for event in attempt.events if event.stage is stage]
        begin = next((e for e in of_stage if e.kind is Kind.STARTED), None)
        end = next((e for e in reversed(of_stage) if e.kind in _ENDS), None)
        if begin is None and end is None:
            continue
        began = local(begin.at) if begin and begin.at else "-"
        made.add_row(
            stage, began, spoken(_between(begin, end)), _outcome(of_stage, end, attempt.cause)
        )
    return made


def _between(begin: Event | None, end: Event | None) -> float | None:
    if begin is None or end is None or begin.at is None or end.at is None:
        return None
    return (end.at - begin.at).total_seconds()


def _outcome(events: Sequence[Event], end: Event | None, cause: str) -> str:
    """Return how the stage ended (the cause was told already), or the last that was heard."""
    if end is not None:
        return f"{_ENDS[end.kind]}: {end.text}" if end.text not in {"", cause} else _ENDS[end.kind]
    last = events[-1]
    return " ".join(word for word in ("under way", last.node, last.text) if word)


def _files_url(attempt: AttemptView, cell_url: str) -> str:
    parts = urlsplit(cell_url)
    return f"{parts.scheme}://{parts.netloc}/api/files/{quote(attempt.attempt)}/"
