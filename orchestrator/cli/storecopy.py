"""The process of `smoketest store copy`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.bundle import verb
from orchestrator.cli.decode import encode
from orchestrator.cli.outcome import carry_out
from orchestrator.drivers.store.copy import copy
from orchestrator.drivers.store.database import Database
from orchestrator.model.errors import ConfigError

program = typer.Typer(add_completion=False, rich_markup_mode=None)


def store_copy(
    source: str, target: str, *, as_json: Annotated[bool, typer.Option("--json")] = False
) -> None:
    """Copy the store at SOURCE to TARGET."""
    file = source.removeprefix("sqlite:///")
    if file != source and not Path(file).is_file():
        raise ConfigError(f"there is no store at {file}: nothing was copied")
    done = copy(Database(source), Database(target), _tell)
    if as_json:
        print(encode({"rows": done.rows, "tables": dict(done.tables)}))
        return
    print(f"{done.rows} rows in {len(done.tables)} tables are on both sides, one by one the same")
    print("next: name the new place as `store.url` in the lab file, or by `smoketest up --store`")


def _tell(table: str, rows: int) -> None:
    print(f"{table}: {rows}", file=sys.stderr)


if __name__ == "__main__":
    program.command()(verb(store_copy))
    sys.exit(carry_out(program, sys.argv[1:]))
