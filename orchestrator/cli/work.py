"""The process of `smoketest worker`."""

import sys
from typing import Annotated

import typer

from orchestrator.cli.bundle import verb
from orchestrator.cli.decode import encode
from orchestrator.cli.outcome import carry_out
from orchestrator.wiring.settings import Settings
from orchestrator.wiring.work import work as work_on

program = typer.Typer(add_completion=False, rich_markup_mode=None)


def work(
    settings: Settings,
    *,
    name: str = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Walk attempts until Ctrl-C or SIGTERM; say under which name, once it does."""
    work_on(settings, name, lambda seated: _welcome(settings, seated, as_json=as_json))


def _welcome(settings: Settings, name: str, *, as_json: bool) -> None:
    if as_json:
        said = encode({"worker": name, "home": str(settings.home)})
    else:
        said = f"{name} works for {settings.home}; Ctrl-C stops it, others then go on with its work"
    print(said, flush=True)


if __name__ == "__main__":
    program.command()(verb(work))
    sys.exit(carry_out(program, sys.argv[1:]))
