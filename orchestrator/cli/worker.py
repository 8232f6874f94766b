"""More processes, on this host or others, that share an orchestrator's work."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import embedded
from orchestrator.cli.session import Session
from orchestrator.model.errors import ConfigError

MODULE = "orchestrator.cli.work"


def worker(
    session: Session,
    *,
    name: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Who it is, also after a restart. Default: the host's name and a number.",
        ),
    ] = "",
    lab: Annotated[
        str,
        typer.Option(metavar="FILE", help="The lab file, if it is elsewhere on this host."),
    ] = "",
) -> None:
    """Share the work of the orchestrator of a home (see docs/scale-out.md)."""
    if session.named:
        msg = "`worker` works from a home folder: leave --server out, or choose a --home"
        raise ConfigError(msg)
    found = lab or embedded.remembered_lab(session.home)
    file = str(Path(found).expanduser().absolute()) if found and found != "qemu" else found
    options = {"--lab": file, "--name": name, "--store": embedded.kept_store(session.home)}
    words = [word for option, value in options.items() if value for word in (option, value)]
    command = [sys.executable, *embedded.isolated(), "-m", MODULE, str(session.home), *words]
    os.execv(command[0], command + (["--json"] if session.as_json else []))  # noqa: S606  # our own
