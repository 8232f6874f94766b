"""Verbs that start and stop an orchestrator on this machine."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from orchestrator.cli import embedded
from orchestrator.cli.session import Session
from orchestrator.model.errors import ConfigError


def without_password(url: str) -> str:
    """Return the URL; raise `ConfigError` if it holds a password, which anybody could read here."""
    if urlsplit(url).password is not None:
        msg = (
            "the store's URL holds a password: leave it out, it comes from PGPASSWORD or ~/.pgpass"
        )
        raise ConfigError(msg)
    return url


#: the lab of emulated machines that comes with us
QEMU = "qemu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What `up` starts; what is left out is as the server has it by default."""

    lab: Annotated[
        str,
        typer.Option(
            metavar="FILE|qemu",
            help="A lab file. Default: the lab in a box, which needs no hardware.",
        ),
    ] = ""
    nodes: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=200, help="Machines of the lab in a box.")
    ] = None
    speed: Annotated[
        str, typer.Option(metavar="S|max", help="Times faster than hardware (lab in a box).")
    ] = ""
    port: Annotated[int | None, typer.Option(metavar="N", min=0, max=65535)] = None
    store: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The store, e.g. postgresql://user@host/database; before `store.url` of the "
            "lab file. Its password comes from PGPASSWORD or ~/.pgpass.",
        ),
    ] = ""
    trust_code: Annotated[
        bool,
        typer.Option(
            "--trust-code",
            help="Any repository's code may run on simulated machines, "
            "which means: on this host, as you.",
        ),
    ] = False

    def up(self) -> embedded.Up:
        """Return it as a command for the server; the lab file's path made absolute."""
        named = self.lab and self.lab != QEMU
        return embedded.Up(
            lab=str(Path(self.lab).expanduser().absolute()) if named else self.lab,
            nodes=self.nodes,
            speed=self.speed,
            port=self.port,
            trust_code=self.trust_code,
            store=without_password(self.store),
        )


def up(
    session: Session,
    lab: Lab,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="In the background.")] = False,
) -> None:
    """Start an orchestrator: boot server, pages and, without a lab file, the lab in a box."""
    if session.named:
        msg = "`up` starts an orchestrator here: leave --server out, or choose a --home"
        raise ConfigError(msg)
    if found := embedded.find(session.home):
        msg = f"an orchestrator runs on {session.home} already, at {found.url}: `smoketest down`"
        raise ConfigError(f"{msg} ends it")
    wanted = lab.up()
    embedded.remember(session.home, wanted)
    if not detach:
        command = embedded.command(session.home, wanted)
        os.execv(command[0], command + (["--json"] if session.as_json else []))  # noqa: S606  # our own
    found = embedded.start(session.home, wanted, session.err)
    running = {"url": found.url, "home": str(session.home), "pid": found.pid}
    session.show(running, f"{wanted} is up at {found.url}", "stop it with `smoketest down`")


def down(session: Session) -> None:
    """Stop the orchestrator of this home; what was under way is taken up by the next start."""
    pid = embedded.stop(session.home)
    said = f"stopped (process {pid})" if pid else f"nothing runs on {session.home}"
    session.show({"stopped": pid is not None, "pid": pid}, said)
