"""The process of `smoketest partner serve`: it alone imports what speaks Jenkins and signs."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.outcome import carry_out
from orchestrator.cli.serving import Serving, serve_orders
from orchestrator.cli.transport import Server
from orchestrator.model.secret import Secret
from orchestrator.wiring.discovery import secret

program = typer.Typer(add_completion=False, rich_markup_mode=None)


def serving(told: Mapping[str, str | float | bool]) -> Serving:
    """Return whom to work for and how, with the secrets fetched; raise `ConfigError`."""
    token = secret(f"file:{told['token_file']}")
    api_token = str(told["api_token"])
    return Serving(
        server=Server(url=str(told["server"]), token=token),
        command=str(told["run"]),
        jenkins=str(told["jenkins"]),
        job=str(told["job"]),
        user=str(told["user"]),
        api_token=secret(api_token) if api_token else Secret(""),
        every=float(told["every"]),
        folder=Path(str(told["folder"])).expanduser().absolute(),
        once=bool(told["once"]),
    )


def work(told: Annotated[str, typer.Argument()]) -> None:
    """Work until interrupted; `told` says for whom and how, as JSON."""
    serve_orders(serving(json.loads(told)), _say)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    program.command()(work)
    sys.exit(carry_out(program, sys.argv[1:]))
