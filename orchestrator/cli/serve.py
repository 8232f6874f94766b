"""The server process of `smoketest up`: the one place of the command line that wires a house."""

# ruff: noqa: E402
import gc

# a start makes much and drops nothing: looking for garbage meanwhile took a fifth of it
gc.set_threshold(50_000)

import sys
from typing import Annotated

import typer

from orchestrator.cli.bundle import verb
from orchestrator.cli.decode import encode
from orchestrator.cli.outcome import carry_out
from orchestrator.wiring.serve import serve as serve_house
from orchestrator.wiring.settings import Settings

program = typer.Typer(add_completion=False, rich_markup_mode=None)


def serve(settings: Settings, *, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Serve until Ctrl-C or SIGTERM; say where, once everything answers."""
    serve_house(settings, lambda url: _welcome(settings, url, as_json=as_json))


def _welcome(settings: Settings, url: str, *, as_json: bool) -> None:
    lab = settings.lab or f"the lab in a box, {settings.nodes} simulated machines"
    if as_json:
        said = encode({"url": url, "home": str(settings.home), "lab": str(lab)})
    else:
        said = (
            f"smoketest is up\n"
            f"  page  {url}\n"
            f"  home  {settings.home}\n"
            f"  lab   {lab}\n"
            f"next, in another terminal:\n"
            f"  {_first_step(settings)}\n"
            "Ctrl-C stops it; what is under way then goes on at the next start"
        )
    print(said, flush=True)


def _first_step(settings: Settings) -> str:
    return "smoketest archs" if settings.lab else "smoketest run sample@trunk --all --wait"


if __name__ == "__main__":
    program.command()(verb(serve))
    sys.exit(carry_out(program, sys.argv[1:]))
