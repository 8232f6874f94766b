"""Verbs for those who answer for archs: what changed, and what is said of a red."""

import getpass
from typing import Annotated
from urllib.parse import quote, urlencode

import typer
from rich.table import Table

from orchestrator.cli.durations import ago, local, until
from orchestrator.cli.places import cell_of
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.errors import ConfigError
from orchestrator.model.lieutenant import ArchHealth, Lieutenant, LieutenantView
from orchestrator.model.waiver import Waiver

Cell = Annotated[str, typer.Argument(metavar="CELL", help="E.g. 12/kvm-flat.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="For those who will read it.")]
_UNTIL = "E.g. 7d, 12h or 2031-05-01."


def ack(
    session: Session,
    cell: Cell,
    *,
    reason: Reason,
    end: Annotated[str, typer.Option("--until", metavar="WHEN", help=_UNTIL)] = "",
) -> None:
    """Say that somebody looks after a red cell, and after later ones that fail the same way."""
    _say(session, cell, "ack", reason, end)


def waive(
    session: Session,
    cell: Cell,
    *,
    reason: Reason,
    end: Annotated[str, typer.Option("--until", metavar="WHEN", help=_UNTIL)],
) -> None:
    """Say that a red cell is known and may stay red until then; it is shown beside the verdict."""
    _say(session, cell, "waive", reason, end)


def changes(
    session: Session,
    *,
    lieutenant: Annotated[
        str, typer.Option("--lieutenant", metavar="NAME", help="Whose archs; else everybody's.")
    ] = "",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="An ISO time; else the last look.")
    ] = "",
    seen: Annotated[
        bool, typer.Option("--seen", help="Then remember that all of it was seen.")
    ] = False,
) -> None:
    """Say what changed since the last look: new red, fixed, newly flaky, lost, silent."""
    client = session.client()
    asked = f"?{urlencode({'since': until(since).isoformat()})}" if since else ""
    known = client.send(tuple[Lieutenant, ...], "GET", "/api/lieutenants")
    if seen and not lieutenant:
        raise ConfigError("--seen needs --lieutenant NAME: everybody looks for themselves")
    names = (lieutenant,) if lieutenant else tuple(one.name for one in known)
    views = tuple(
        client.send(LieutenantView, "GET", f"/api/lieutenants/{quote(name, safe='')}{asked}")
        for name in names
    )
    if seen:
        path = f"/api/lieutenants/{quote(lieutenant, safe='')}/look"
        client.send(LieutenantView, "POST", path, {})
    shown = [line for view in views for line in _told(view)]
    session.show({"lieutenants": views}, *(shown or ["nobody answers for an arch of this lab"]))


def _say(session: Session, cell: str, verb: str, reason: str, end: str) -> None:
    where = cell_of(cell)
    body: dict[str, object] = {"reason": reason, "by": _who()}
    if end:
        body["until"] = until(end).isoformat()
    path = f"/api/cells/{where.run}/{quote(where.arch, safe='')}/{verb}"
    said = session.reader().send(Waiver, "POST", path, body)
    word = "acknowledged" if verb == "ack" else "waived"
    limit = f" until {local(said.until)}" if said.until else ""
    session.show(said, f"{where.cell} is {word}{limit}: {said.reason}")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _told(view: LieutenantView) -> list[str | Table]:
    since = "the last look" if view.looked_at == view.since else ago(view.since)
    head = f"{view.name}, since {since}"
    lines: list[str | Table] = [head]
    if view.news:
        made = table("what", "where", "when", "how")
        for one in view.news:
            where = f"{one.about} {one.ref}".strip()
            made.add_row(one.novelty, where, ago(one.at), one.text)
        lines.append(made)
    else:
        lines.append("nothing changed")
    lines.append(_health(view.archs))
    return [*lines, ""]


def _health(archs: tuple[ArchHealth, ...]) -> Table:
    made = table("arch", "grade", ">green", ">flaky", "red now", "because")
    for arch in archs:
        green = f"{arch.green_rate:.0%}" if arch.green_rate is not None else "-"
        flaky = f"{arch.flake_rate:.0%}" if arch.flake_rate is not None else "-"
        red = ", ".join(f"{red.newest.ref}{' (waived)' * bool(red.waivers)}" for red in arch.reds)
        made.add_row(arch.arch, arch.quality.grade, green, flaky, red, arch.quality.because)
    return made
