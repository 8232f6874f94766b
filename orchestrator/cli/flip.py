"""How ready a default is to be flipped."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli import references
from orchestrator.cli.durations import counted, local
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.flipping import Difference
from orchestrator.model.studies import CandidateView, FlipView


def flip(
    session: Session,
    axis: Annotated[str, typer.Argument(metavar="AXIS", help="A setting, e.g. network.")],
    *,
    repo: Annotated[str, typer.Option("--repo", metavar="REPO", help="Of this one only.")] = "",
) -> None:
    """Say how ready a setting's other values are to become its default, on the same commits."""
    asked = urlencode({"axis": axis, "repo": references.parse(repo).repo if repo else ""})
    view = session.client().send(FlipView, "GET", f"/api/flip?{asked}")
    session.show(view, *_said(view, session.out))


def _said(view: FlipView, console: Console) -> Iterator[Text | Table | str]:
    yield f"{view.axis}: {view.default} is the default"
    yield ""
    made = table(view.axis, ">commits", ">green", f">green with {view.default}", "ready", "because")
    for one in view.candidates:
        ready = Text("yes", style="green") if one.ready else Text("no", style="yellow")
        passed, default = _rate(one.passed, one.cells), _rate(one.default_passed, one.cells)
        made.add_row(one.value, str(one.commits), passed, default, ready, one.because)
    yield made
    for one in view.candidates:
        yield from _differences(view, one, console)


def _differences(view: FlipView, one: CandidateView, console: Console) -> Iterator[Text | str]:
    if one.differences:
        yield ""
        yield f"tests that differ between {view.default} and {one.value}:"
    for difference in one.differences:
        yield _difference(view, one, difference, console)


def _difference(view: FlipView, one: CandidateView, found: Difference, console: Console) -> Text:
    mark = "x" if console.options.ascii_only else "✘"
    value = one.value if found.worse else view.default
    on = counted(found.commits, "commit")
    if found.since and found.since_at:
        since = f"since {found.since} ({local(found.since_at)})"
    else:
        since = f"not any more, last on {found.last}"
    style = "bold red" if found.worse and found.since else "dim" if not found.since else "yellow"
    return Text(f"{mark} {found.test}: red with {value} only, on {on}, {since}", style=style)


def _rate(passed: int, cells: int) -> str:
    return f"{passed} of {cells} ({passed / cells:.0%})" if cells else "-"
