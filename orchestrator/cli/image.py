"""Verbs about golden images: installed disks that make every later reinstall fast."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from orchestrator.cli import embedded
from orchestrator.cli.session import Session

#: it loads what only the server needs, which no other verb should wait for
_PROCESS = "orchestrator.cli.imaging"
_PACKAGE = Path(__file__).resolve().parents[2]

Lab = Annotated[
    str,
    typer.Option(metavar="FILE|qemu", help="The lab whose images. Default: that of the last `up`."),
]


def build(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="`smoketest image list` has them.")],
    *,
    lab: Lab = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="Build it anew. No machine may run from it meanwhile."),
    ] = False,
) -> int:
    """Install an image once on an emulated machine and keep its disk; takes some 15 minutes.

    One that is there is kept; a template for clones is made if this lab's machines have none.
    """
    status, done = _run(session, lab, name, *(["again"] if again else []))
    if done and done["built"]:
        took = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in done["seconds"].items())
        session.show(done, f"{name} is built ({took}); reinstalls of it are fast from now on")
    elif done:
        session.show(done, f"{name} was built before and is kept; --again builds it anew")
    return status


def images(session: Session, *, lab: Lab = "") -> int:
    """List the lab's images, and whether each is built."""
    status, done = _run(session, lab)
    if done:
        session.show(done, _table(done["images"]))
    return status


def _run(session: Session, lab: str, *name: str) -> tuple[int, dict[str, Any]]:
    """Return the process's exit status, and what it printed."""
    wanted = lab or embedded.remembered_lab(session.home) or "qemu"
    command = [sys.executable, "-P", "-m", _PROCESS, str(session.home), wanted, *name]
    environment = {**os.environ, "PYTHONPATH": str(_PACKAGE)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def _table(known: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("image", "method", "key", "golden image", "clones"):
        table.add_column(column)
    for image in known:
        built = "built" if image["built"] else f"smoketest image build {image['name']}"
        ready = "ready" if image["template"] else "-"
        table.add_row(image["name"], image["method"], image["key"][:12], built, ready)
    return table
