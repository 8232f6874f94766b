"""Verbs that make a lab's simulated and emulated machines misbehave."""

import json
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import typer

from orchestrator.cli import tables
from orchestrator.cli.decode import encode
from orchestrator.cli.durations import until
from orchestrator.cli.session import Session
from orchestrator.ports.faults import NodeFault

Node = Annotated[str, typer.Argument(metavar="NODE", help="`smoketest nodes` lists them.")]
_PATH = "/api/lab/faults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The kinds of faults that can be set, and those that are."""

    kinds: tuple[str, ...]
    faults: tuple[NodeFault, ...]


def fault(
    session: Session,
    node: Node,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="`smoketest lab faults` lists them.")],
    *,
    chance: Annotated[float, typer.Option(metavar="P", min=0, max=1, help="Per action.")] = 1.0,
    end: Annotated[
        str, typer.Option("--until", metavar="WHEN", help="10m, 2h or 2031-05-01T18:00.")
    ] = "",
) -> None:
    """Give a machine a fault."""
    wanted = NodeFault(node=node, kind=kind, chance=chance, until=until(end) if end else None)
    _show(session, session.client().send(Board, "POST", _PATH, json.loads(encode(wanted))))


def faults(session: Session) -> None:
    """List the faults that are set, and the kinds that there are."""
    _show(session, session.client().send(Board, "GET", _PATH))


def clear(session: Session, node: Node) -> None:
    """Make a machine behave again."""
    _show(session, session.client().send(Board, "DELETE", f"{_PATH}/{quote(node, safe='')}"))


def _show(session: Session, board: Board) -> None:
    what = tables.faults(board.faults) if board.faults else "no machine has a fault"
    session.show(board, what, f"kinds: {', '.join(board.kinds)}")
