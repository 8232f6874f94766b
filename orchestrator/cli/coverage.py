"""The law of coverage, as a report and as a gate."""

from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli import references
from orchestrator.cli.decode import encode
from orchestrator.cli.durations import ago, counted
from orchestrator.cli.session import Session
from orchestrator.cli.tables import table
from orchestrator.model.quality import Grade
from orchestrator.model.studies import CoverageView, Graded
from orchestrator.model.verdict import ExitStatus

#: names of so many columns are not folded
NAME = 34
#: columns of a terminal that has room for the archs' names as well
WIDE = 120
_STYLES = {Grade.A: "green", Grade.B: "yellow", Grade.C: "bold red"}


def coverage(
    session: Session,
    repo: Annotated[
        str, typer.Argument(metavar="REPO[@REF]", help="The product: alias, folder or URL.")
    ],
    *,
    require: Annotated[
        Grade | None,
        typer.Option(
            "--require", help="Exit with 1 if a driver, hypervisor or network model is below it."
        ),
    ] = None,
) -> int:
    """Grade a product's drivers, hypervisors and network models by votes and history.

    A: votes, decided nine times in ten, green on the branch; B: green lately; C: neither.
    """
    ref = references.parse(repo)
    asked = urlencode({"repo": ref.repo, "ref": ref.ref})
    view = session.client().send(CoverageView, "GET", f"/api/coverage?{asked}")
    below = tuple(_below(view, require)) if require else ()
    if session.as_json:
        session.out.file.write(encode({**_plain(view), "require": require, "below": below}) + "\n")
    else:
        session.show(view, *_said(view, session.out))
        session.show(view, *_verdict(require, below))
    return ExitStatus.FAILED if below else ExitStatus.PASSED


def _plain(view: CoverageView) -> dict[str, object]:
    names = ("repo", "ref", "commit", "subject", "declared", "drivers", "hypervisors", "networks")
    return {name: getattr(view, name) for name in (*names, "uncovered", "idle")}


def _below(view: CoverageView, require: Grade) -> Iterator[str]:
    for graded in (*view.drivers, *view.hypervisors, *view.networks):
        if graded.grade > require:
            yield graded.name


def _said(view: CoverageView, console: Console) -> Iterator[Text | Table | str]:
    yield f"{view.repo}@{view.ref}  {view.commit}  {view.subject}".rstrip()
    for title, rows in (
        ("driver", view.drivers),
        ("hypervisor", view.hypervisors),
        ("network model", view.networks),
    ):
        if rows:
            yield ""
            yield _grid(title, rows, wide=console.width >= WIDE)
    yield ""
    for path in view.uncovered:
        mark = "x" if console.options.ascii_only else "✘"
        said = f"{mark} {path} is covered by no arch: name it under `covers` of one that runs it"
        yield Text(said, style="bold red")
    for one in view.idle:
        yield f"{one.arch} covers {one.covers}, which {view.commit} does not have"
    if not view.declared:
        yield (
            "no arch file says where this product keeps its drivers: `drivers: [GLOB, ...]` makes "
            "each file there owe its coverage"
        )


def _grid(title: str, rows: Sequence[Graded], *, wide: bool) -> Table:
    """Return the table; a narrow one leaves out the archs, of which `because` names one."""
    made = table(title, "grade", *(("vote on it", "advise") if wide else ()), "green", "because")
    made.columns[0].no_wrap = all(len(row.name) <= NAME for row in rows)
    for row in rows:
        archs = (", ".join(names) or "-" for names in (row.voting, row.advising))
        made.add_row(
            row.name,
            Text(row.grade, style=_STYLES[row.grade]),
            *(archs if wide else ()),
            _green(row, wide=wide),
            row.because,
        )
    return made


def _green(row: Graded, *, wide: bool) -> str:
    if row.green_at is None:
        return "-"
    return f"{ago(row.green_at)}, {row.provenance or 'unknown'}" if wide else ago(row.green_at)


def _verdict(require: Grade | None, below: Sequence[str]) -> Iterator[Text]:
    if require is None:
        return
    if below:
        said = f"{counted(len(below), 'part')} below grade {require}: {', '.join(below)}"
        yield Text(said, style="bold red")
    else:
        yield Text(f"nothing is below grade {require}", style="green")
