"""`smoketest check`: is what was written in files right?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestrator.cli import validation
from orchestrator.cli.session import Session
from orchestrator.cli.validation import Checked
from orchestrator.config import labfile as config
from orchestrator.model.verdict import ExitStatus

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Lab files (with all that they name), arch files, plays, suites, or folders of these."
        " Default: those that come with the program.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What `--json` shows."""

    ok: bool
    files: tuple[Checked, ...]


def check(session: Session, paths: Paths = None) -> int:
    """Validate lab files, archs, plays and suites; every error says file, line and what to do."""
    found: list[Checked] = []
    for checked in _looked_over(paths or []):
        found.append(checked)
        _tell(session, checked)
    ok = not any(checked.errors for checked in found)
    if session.as_json:
        session.show(Checks(ok=ok, files=tuple(found)))
    return ExitStatus.PASSED if ok else ExitStatus.USAGE


def _looked_over(paths: list[Path]) -> Iterator[Checked]:
    if not paths:
        yield from validation.everything(config.builtin())
    for path in paths:
        yield from validation.one(path)


def _tell(session: Session, checked: Checked) -> None:
    """Say it as soon as it is known: a play or a suite takes a second."""
    lines = checked.errors or (f"{checked.path}: ok",)
    for line in lines:
        style = "red" if checked.errors else "green"
        session.live.print(Text(line, style=style), soft_wrap=True)
