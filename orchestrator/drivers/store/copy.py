"""Copies a store into another database: whole or not at all, and proved row by row."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    MetaData,
    Row,
    Table,
    Text,
    collate,
    func,
    select,
)

from orchestrator.drivers.store.check import check
from orchestrator.drivers.store.database import Database
from orchestrator.model.errors import Bug, ConfigError

#: rows that are held in memory at once
CHUNK: Final = 500
#: milliseconds after which nobody works on the source
_SILENT: Final = 10_000
#: what the revisions keep of themselves, and what is true of living processes only
_LEFT_OUT: Final = frozenset({"store_version", "workers", "passes"})

Told = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How many rows of each table are on both sides, one by one the same."""

    tables: tuple[tuple[str, int], ...]

    @property
    def rows(self) -> int:
        """Return how many rows there are in all."""
        return sum(count for _, count in self.tables)


def copy(source: Database, target: Database, told: Told) -> Copied:
    """Copy every row, compare both sides, and return what was copied; `told` hears of each table.

    One transaction: what is interrupted leaves the target empty, and can be begun again. A target
    that has the same rows already is only compared. Raises `ConfigError` when somebody works on the
    source, when it is not consistent, or when the target holds anything else.
    """
    source.migrate()
    target.migrate()
    _refuse(source)
    tables = _tables()
    with source.whole() as old, target.whole() as new:
        if not any(_count(new, table) for table in tables):
            for table in tables:
                _fill(old, new, table)
        counts = []
        for table in tables:
            counts.append((table.name, _compare(old, new, table, target.place)))
            told(*counts[-1])
    if wrong := check(target):
        raise Bug(f"the copy is not consistent: {wrong[0]}")
    return Copied(tables=tuple(counts))


def _refuse(source: Database) -> None:
    with source.read() as tx:
        since = tx.clock() - _SILENT
        alive = [row.name for row in tx.all("workers_all") if row.beat > since]
    if alive:
        msg = f"{alive[0]} works on {source.place}: stop it first (`smoketest down`)"
        raise ConfigError(msg)
    if wrong := check(source):
        msg = f"{source.place} is not consistent, and was not copied: {wrong[0]}"
        raise ConfigError(msg)


def _tables() -> list[Table]:
    """Return the tables that our revisions make, those first that others point at.

    The engine's own are not among them: it begins anew whatever attempt has machines.
    """
    found = MetaData()
    with tempfile.TemporaryDirectory(prefix="smoketest-") as folder:
        scratch = Database(f"sqlite:///{Path(folder)}/scratch.sqlite")
        scratch.migrate()
        with scratch.whole() as connection:
            found.reflect(connection)
        scratch.close()
    return [table for table in found.sorted_tables if table.name not in _LEFT_OUT]


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _fill(old: Connection, new: Connection, table: Table) -> None:
    rows = _rows(old, table)
    while chunk := list(islice(rows, CHUNK)):
        new.execute(table.insert(), [dict(row._mapping) for row in chunk])  # its columns by name


def _rows(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    """Yield the rows in the order of their keys, which is the same in every database."""
    plain = connection.dialect.name == "postgresql"
    keys = [
        collate(column, "C") if plain and isinstance(column.type, Text) else column
        for column in table.primary_key.columns
    ]
    found = connection.execution_options(yield_per=CHUNK).execute(select(table).order_by(*keys))
    yield from found


def _compare(old: Connection, new: Connection, table: Table, place: str) -> int:
    """Return how many rows there are; raise `ConfigError` for the first that differs."""
    count = 0
    for before, after in zip_longest(_rows(old, table), _rows(new, table)):
        if before is None or after is None or tuple(before) != tuple(after):
            msg = (
                f"{place} holds something else: {table.name} differs at its row {count + 1}; "
                "name a database that holds nothing"
            )
            raise ConfigError(msg)
        count += 1
    return count
