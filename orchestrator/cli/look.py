"""Verbs that show what happened."""

from typing import Annotated

import typer

from orchestrator.cli import references, tables
from orchestrator.cli.detail import detail
from orchestrator.cli.follow import follow
from orchestrator.cli.matrix import matrix as drawn
from orchestrator.cli.places import place, run_of
from orchestrator.cli.session import Session
from orchestrator.cli.summary import causes, summary
from orchestrator.model.export import Format

Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many runs.")]
Repo = Annotated[str, typer.Option("--repo", metavar="REPO", help="Of this repository only.")]


def show(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="RUN|CELL", help="E.g. 12 or 12/kvm-flat.")],
    *,
    form: Annotated[
        Format | None, typer.Option("--format", help="Write a run for another program.")
    ] = None,
) -> int | None:
    """Show a run, or a cell with its attempts, stages, times, cause, files and logins."""
    found = place(what)
    if form:
        session.out.file.write(session.reader().export(run_of(what), form))
        return None
    if found.arch:
        cell = session.reader().cell(found)
        session.show(cell, *detail(cell, session.out))
        return None
    run = session.reader().run(found.run)
    session.show(run, *summary(run, session.out))
    return run.exit


def watch(session: Session, run: Annotated[str, typer.Argument(metavar="RUN")]) -> int:
    """Show a run live until it is over."""
    number = run_of(run)
    client = session.reader()
    return follow(session, client, client.run(number))


def runs(session: Session, *, repo: Repo = "", limit: Limit = 20) -> None:
    """List the newest runs."""
    found = session.reader().runs(_repo(repo), limit)
    session.show({"runs": found}, tables.runs(found, session.out) if found else _none(repo))


def matrix(session: Session, *, repo: Repo = "", limit: Limit = 20) -> None:
    """Draw the matrix: archs down, runs across, the newest on the left."""
    found = session.reader().runs(_repo(repo), limit)
    if not found:
        session.show({"runs": found}, _none(repo))
        return
    reds = list(causes(found[0], session.out))
    session.show({"runs": found}, drawn(found, session.out), *([""] if reds else []), *reds)


def _repo(text: str) -> str:
    return references.parse(text).repo if text else ""


def _none(repo: str) -> str:
    of = f" of {repo}" if repo else ""
    return f"no run{of} yet: type `smoketest run {repo or 'sample'}@BRANCH --all --wait`"
