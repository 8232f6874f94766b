"""Verbs about the store itself."""

import os
import sys
from typing import Annotated

import typer

from orchestrator.cli import embedded
from orchestrator.cli.box import without_password
from orchestrator.cli.session import Session

MODULE = "orchestrator.cli.storecopy"


def copy(
    session: Session,
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="e.g. sqlite:////path/store.sqlite")
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="e.g. postgresql://user@host/db")],
) -> None:
    """Copy a store to another database, whole or not at all, and compare them row by row."""
    words = [without_password(source), without_password(target)]
    command = [sys.executable, *embedded.isolated(), "-m", MODULE, *words]
    os.execv(command[0], command + (["--json"] if session.as_json else []))  # noqa: S606  # our own
