"""`smoketest node test`: whether a machine's BMC does what we will ask of it."""

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from orchestrator.cli import tables
from orchestrator.cli.durations import spoken
from orchestrator.cli.inventory import Name
from orchestrator.cli.session import Session
from orchestrator.model.checkup import Mark, NodeTest
from orchestrator.model.verdict import ExitStatus

_STYLES = {Mark.OK: "green", Mark.FAILED: "bold red", Mark.SKIPPED: "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thoroughness:
    """How much is tried."""

    cycle: Annotated[bool, typer.Option("--cycle", help="Switch it off, on and off as well.")] = (
        False
    )


def test(session: Session, node: Name, thoroughness: Thoroughness) -> int:
    """Try the BMC of a machine that nobody has: login, sensors, boot device, console."""
    client = session.client()
    with session.live.status(f"testing {node} ..."):
        found = client.test_node(node, cycle=thoroughness.cycle)
    session.show(found, _table(found), _summary(found))
    return ExitStatus.PASSED if found.ok else ExitStatus.UNDECIDED


def _table(found: NodeTest) -> Table:
    made = tables.table("check", "", ">took", "what it showed, or what to do")
    for check in found.checks:
        word = Text(check.mark, style=_STYLES[check.mark])
        made.add_row(check.name, word, spoken(check.seconds), check.said)
    return made


def _summary(found: NodeTest) -> str:
    if found.ok:
        return f"{found.node} does what it is told."
    failed = ", ".join(check.name for check in found.checks if check.mark is Mark.FAILED)
    advice = f'mend it, or `smoketest node drain {found.node} --reason "..."`'
    return f"{found.node} is not fit (blame infra): {failed} failed; {advice}"
