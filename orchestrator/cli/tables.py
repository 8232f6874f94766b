"""Lists as tables: they fold rather than cut, so that a narrow terminal hides nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.durations import ago, elapsed, local, spoken
from orchestrator.cli.marks import mark
from orchestrator.model.node import NodeState
from orchestrator.model.view import ArchView, CellView, NodeView, PlanView, RunView
from orchestrator.ports.faults import NodeFault

_NODE_STYLES = {
    NodeState.IN_SERVICE: "green",
    NodeState.QUARANTINED: "bold red",
    NodeState.DRAINED: "yellow",
}


def table(*columns: str) -> Table:
    """Return an empty table in the house's look; a column named `>x` is aligned right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold underline")
    for column in columns:
        justify = "right" if column.startswith(">") else "left"
        made.add_column(column.removeprefix(">"), overflow="fold", justify=justify)  # type: ignore[arg-type]
    return made


def runs(views: Sequence[RunView], console: Console) -> Table:
    """Return one row per run, as they come."""
    made = table(">run", "cells", "asked", "by", "ref", "what")
    _cut_last(made)
    for view in views:
        ref = f"{_short(view.repo)}@{view.ref}"
        what = f"{view.commit} {view.subject}".strip()
        said = counts(view.cells, console)
        made.add_row(str(view.run), said, ago(view.asked_at), view.requester, ref, what)
    return made


def counts(cells: Iterable[CellView], console: Console) -> Text:
    """Return how many cells stand how, e.g. `6 ✔ 2 ✘`."""
    found = Counter(mark(cell) for cell in cells)
    said = Text()
    for kind, number in found.items():
        said.append(f"{number} ").append_text(kind.text(console, word=False)).append(" ")
    said.rstrip()
    return said


def nodes(views: Sequence[NodeView]) -> Table:
    """Return one row per node: how it is, who has it, what it was found to be, why it is out."""
    made = table("node", "state", "has", "holder", "attested", "reason")
    for column in made.columns[3:5]:
        column.no_wrap = True
    for view in views:
        style = _NODE_STYLES.get(NodeState(view.state), "") if view.state else ""
        holder = view.holder or "free"
        if view.held_until:
            holder += f", held until {local(view.held_until)}"
        since = f" (since {local(view.since)})" if view.reason and view.since else ""
        has = f"{view.provenance}: {', '.join(view.capabilities)}"
        seen = view.attestation if view.attested_at else "never"
        why = view.reason + since
        made.add_row(view.name, Text(view.state, style=style), has, holder, seen, why)
    return made


def archs(views: Sequence[ArchView]) -> Table:
    """Return one row per arch."""
    made = table("arch", ">machines", "lieutenants", "summary")
    for view in views:
        name = view.name if view.voting else f"{view.name} (no vote)"
        people = ", ".join(view.lieutenants) or "-"
        made.add_row(name, str(view.machines), people, view.summary)
    _cut_last(made)
    return made


def plan(view: PlanView) -> Table:
    """Return one row per cell that the request would make."""
    made = table("arch", ">machines", "each needs", "votes", ">usually takes")
    for cell in view.cells:
        if cell.skipped:
            made.add_row(cell.arch, "-", Text("skipped", style="dim"), "-", "-")
            continue
        usual = spoken(cell.usual_seconds) if cell.usual_seconds is not None else "not known yet"
        votes = "yes" if cell.voting else "no"
        made.add_row(cell.arch, str(cell.machines), "\n".join(cell.needs), votes, usual)
    return made


def faults(views: Sequence[NodeFault]) -> Table:
    """Return one row per fault that is set."""
    made = table("node", "fault", ">chance", "until")
    for view in views:
        end = local(view.until) if view.until else "it is cleared"
        made.add_row(view.node, view.kind, f"{view.chance:.0%}", end)
    return made


def settled(view: RunView, console: Console) -> Table:
    """Return one row per cell of a run: verdict, blame, time, tests, machines."""
    made = table("arch", "verdict", "blame", ">took", "tests", "tries", "machines")
    for cell in view.cells:
        took = spoken(elapsed(cell, view.asked_at))
        name = cell.arch if cell.voting else f"{cell.arch} (no vote)"
        made.add_row(
            name,
            mark(cell).text(console),
            cell.blame or "",
            took,
            _tests(cell),
            str(cell.attempts),
            ", ".join(cell.nodes),
        )
    return made


def _cut_last(made: Table) -> None:
    """Give every row one line: what is too long is cut where it is least missed."""
    for column in made.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    made.columns[-1].ratio, made.expand = 1, True


def _tests(cell: CellView) -> str:
    tally = cell.tests
    named = {"passed": tally.passed, "failed": tally.failed, "skipped": tally.skipped}
    return ", ".join(f"{number} {word}" for word, number in named.items() if number) or "-"


def _short(repo: str) -> str:
    """Return the last part of a path or URL; an alias as it is."""
    return repo.rstrip("/").rpartition("/")[2].removesuffix(".git") or repo
