"""Verbs that act on a run or a cell."""

from typing import Annotated

import typer

from orchestrator.cli.detail import logins
from orchestrator.cli.durations import counted, seconds
from orchestrator.cli.places import cell_of, place
from orchestrator.cli.session import Session
from orchestrator.cli.summary import title
from orchestrator.model.run import State
from orchestrator.model.view import RunView

Cell = Annotated[str, typer.Argument(metavar="CELL", help="E.g. 12/kvm-flat.")]


def recheck(
    session: Session,
    cell: Cell,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="What you think happened.")],
) -> None:
    """Try a settled cell again, on other machines if it was broken."""
    where = cell_of(cell)
    view = session.reader().act(where, "recheck", {"reason": reason})
    attempt = len(view.attempts)
    said = f"{where.cell} is queued again (attempt {attempt}): `smoketest watch {where.run}`"
    session.show(view, said)


def cancel(
    session: Session, what: Annotated[str, typer.Argument(metavar="RUN|CELL", help="What to stop.")]
) -> None:
    """Stop a run or a cell; its machines are wiped and freed."""
    found = place(what)
    client = session.reader()
    if found.arch:
        view = client.act(found, "cancel")
        stops = f"{found.cell} is being stopped: `smoketest show {found.cell}`"
        over = f"{found.cell} is over already: nothing to stop"
        session.show(view, over if view.cell.state is State.DONE else stops)
        return
    run = client.cancel_run(found.run)
    stops = f"run {run.run} is being stopped: `smoketest watch {run.run}`"
    over = f"run {run.run} is over already: nothing to stop"
    session.show(run, title(run), over if run.state is State.DONE else stops)


def promote(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="RUN|CELL", help="What cannot wait.")],
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for those it passes.")],
) -> None:
    """Put what waits of a run, or a cell, before everybody else."""
    found = place(what)
    client = session.reader()
    nobody = "of it nothing waits: nothing to promote"
    if found.arch:
        view = client.act(found, "promote", {"reason": reason})
        waits = view.cell.state is State.WAITING
        session.show(view, f"{found.cell} is next in the queue" if waits else nobody)
        return
    path = f"/api/runs/{found.run}/promote"
    run = client.send(RunView, "POST", path, {"reason": reason})
    count = sum(cell.state is State.WAITING for cell in run.cells)
    said = f"next in the queue: {counted(count, 'cell')}" if count else nobody
    session.show(run, title(run), said)


def hold(
    session: Session,
    cell: Cell,
    *,
    length: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="E.g. 30m, 2h (8h if left out).")
    ] = None,
    hours: Annotated[float, typer.Option("--hours", metavar="H", help="The same, in hours.")] = 8,
) -> None:
    """Keep a cell's machines after its verdict, and say how to log in.

    When the time is over they are given back by themselves.
    """
    where = cell_of(cell)
    if length is not None:
        hours = seconds(length, "--for") / 3600
    view = session.reader().act(where, "hold", {"hours": hours})
    lines = [line for attempt in view.attempts[-1:] for line in logins(attempt)]
    session.show(view, *lines, f"give them back with `smoketest release {where.cell}`")


def release(session: Session, cell: Cell) -> None:
    """Give the machines of a held cell back."""
    where = cell_of(cell)
    client = session.reader()
    held = any(attempt.held_until for attempt in client.cell(where).attempts)
    view = client.act(where, "release")
    done = f"the machines of {where.cell} are wiped and go back"
    session.show(view, done if held else f"nobody holds machines of {where.cell}: nothing to do")
