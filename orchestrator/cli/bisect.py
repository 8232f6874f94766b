"""Find the first bad commit."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.ask import requester
from orchestrator.cli.client import Body, Client
from orchestrator.cli.durations import counted
from orchestrator.cli.follow import wait
from orchestrator.cli.outcome import INTERRUPTED
from orchestrator.cli.places import Place, cell_of
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.bisection import Mark
from orchestrator.model.studies import BisectView
from orchestrator.model.verdict import ExitStatus

_LOOKS = {
    Mark.GOOD: ("✔", "+", "green"),
    Mark.BAD: ("✘", "x", "bold red"),
    Mark.UNCLEAR: ("!", "!", "yellow"),
    Mark.UNTRIED: ("·", ".", "dim"),
}


def bisect(
    session: Session,
    cell: Annotated[str, typer.Argument(metavar="CELL", help="One that failed: 12/kvm-flat.")],
    *,
    good: Annotated[
        str,
        typer.Option(
            metavar="COMMIT",
            help="Search from this one, which is tried first if it never was. Default: the newest "
            "one before it that passed on this arch.",
        ),
    ] = "",
    trust_code: Annotated[
        bool, typer.Option("--trust-code", help="As for `run`: it runs on this host, as you.")
    ] = False,
) -> int:
    """Name the first bad commit of a cell that failed, by halving the commits before it.

    What was decided already is not tried again, so that an interrupted search goes on from there.
    Exit status: 0 it is named, 3 what is left could not be decided.
    """
    place, client = cell_of(cell), session.client()
    body = {"good": good, "requester": requester(), "trust_code": trust_code}
    view = _step(client, place, body)
    try:
        while view.run is not None:
            left = counted(view.left, "run")
            session.say(f"{view.sentence}; at most {left} to go: run {view.run}")
            wait(session, client, client.run(view.run))
            client = session.found() or client
            view = _step(client, place, body)
    except KeyboardInterrupt:
        session.show(view)
        session.say("go on with the same command; what is decided stays decided")
        return INTERRUPTED
    session.show(view, _grid(view, session.out), "", *_said(view))
    return ExitStatus.PASSED if len(view.suspects) == 1 else ExitStatus.UNDECIDED


def _step(client: Client, cell: Place, body: Body) -> BisectView:
    path = f"/api/cells/{cell.run}/{quote(cell.arch, safe='')}/bisect"
    return client.send(BisectView, "POST", path, body)


def _grid(view: BisectView, console: Console) -> Table:
    """Return a row per commit that was tried or is suspected, the newest first."""
    made = table("commit", "is", "cell", "subject")
    for one in reversed(view.commits):
        if one.mark is Mark.UNTRIED and one.commit not in view.suspects:
            continue
        glyph, ascii_, style = _LOOKS[one.mark]
        shown = ascii_ if console.options.ascii_only else glyph
        made.add_row(one.commit, Text(f"{shown} {one.mark}", style=style), one.cell, one.subject)
    return made


def _said(view: BisectView) -> Iterator[Text]:
    yield Text(view.sentence, style="bold")
    cells = [one.cell for one in view.commits if one.commit in view.suspects and one.cell]
    if cells:
        yield Text(f"next: smoketest show {cells[-1]}")
