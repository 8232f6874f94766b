"""One database: how it is read, written and brought up to date.

There is one writer at a time, whatever the database and however many processes there are. That is
what makes ids count without gaps, and what keeps a reader from ever seeing event 8 before event 7.
Transactions are short, since the engine keeps its own tables in the same file.
"""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Row
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from orchestrator.drivers.store.engines import (
    RESTART,
    aside,
    askers,
    connect,
    is_busy,
    place,
    readers,
    writers,
)
from orchestrator.drivers.store.holder import busy
from orchestrator.drivers.store.queries import insertion, json_insertion, query, stores_rows
from orchestrator.drivers.store.schema import is_current, upgrade
from orchestrator.model.errors import Bug, StoreAway

Item = TypeVar("Item")
Value = str | int | None | Sequence[str] | Sequence[int]

#: what to do about a store that refuses; not for who does it already
NEXT: Final = "; `smoketest doctor --store` looks into it"
_PAUSE: Final = 0.1
#: rows that one statement stores at most: longer ones cost each new process more than they save
_ROWS: Final = 16
_CLOCKS: Final = {"sqlite": "clock_sqlite", "postgresql": "clock_postgresql"}


class Transaction:
    """Runs statements of the SQL files, by name, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, its transaction begun."""
        self._connection = connection
        self._dialect = connection.dialect.name

    def all(self, name: str, **values: Value) -> Sequence[Row[Any]]:
        """Return the rows of a query."""
        return self._executed(name, values).all()

    def one(self, name: str, **values: Value) -> Row[Any] | None:
        """Return the first row of a query, or None."""
        return self._executed(name, values).first()

    def single(self, name: str, **values: Value) -> Row[Any]:
        """Return the only row of a query that always has one."""
        return self._executed(name, values).one()

    def run(self, name: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""
        return self._executed(name, values).rowcount

    def clock(self) -> int:
        """Return the milliseconds of the database's own clock: hosts' clocks differ."""
        return int(self.single(_CLOCKS[self._dialect]).now)

    def many(self, name: str, rows: Iterable[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`; an insertion stores many at a time."""
        values = list(rows)
        if not values:
            return
        if not stores_rows(name):
            self._connection.execute(query(name, self._dialect), values)
        elif self._dialect == "postgresql":
            kinds = tuple((key, _kind([row[key] for row in values])) for key in values[0])
            # not arrays: the driver quotes each text of those by itself, which took half the time
            text = json.dumps(values, ensure_ascii=False)
            self._connection.execute(json_insertion(name, kinds), {"rows": text})
        else:
            self._written_out(name, values)

    def _executed(self, name: str, values: Mapping[str, Value]) -> CursorResult[Any]:
        return self._connection.execute(query(name, self._dialect), self._bound(values))

    def _bound(self, values: Mapping[str, Value]) -> Mapping[str, object]:
        """Return the values: lists as arrays, or filled up to a power of two with their last."""
        listed = list if self._dialect == "postgresql" else _full
        return {
            name: value if isinstance(value, str | int | None) else listed(value)
            for name, value in values.items()
        }

    def _written_out(self, name: str, values: Sequence[Mapping[str, Value]]) -> None:
        while values:
            size = _power(len(values))
            batch, values = values[:size], values[size:]
            named = {f"{key}_{i}": row[key] for i, row in enumerate(batch) for key in row}
            self._connection.execute(insertion(name, size), named)


def _kind(column: Sequence[Value]) -> str:
    """Return what PostgreSQL calls the type of some values, or an empty text if all are None."""
    kinds = {type(value) for value in column} - {type(None)}
    return "" if not kinds else "bigint" if kinds == {int} else "text"


def _power(count: int) -> int:
    """Return the largest power of two up to it: the fewer statements there are, the better known.

    Databases and drivers remember how to run a statement by its text.
    """
    return min(_ROWS, 1 << (count.bit_length() - 1))


def _full(value: Sequence[Item]) -> Sequence[Item]:
    lacking = (1 << (len(value) - 1).bit_length()) - len(value) if value else 0
    return [*value, *[value[-1]] * lacking] if lacking else value


class Database:
    """The database at a URL; any number of threads and processes may open it at once."""

    def __init__(self, url: str) -> None:
        """Open the database at `url`; an SQLite file is made if absent, for its owner only.

        Raises `ConfigError` for a URL that names no database, or a file that cannot be made.
        """
        parsed = place(url)
        self._url = parsed
        #: where it is, without the password
        self.place = parsed.render_as_string(hide_password=True)
        engine = connect(parsed)
        self._readers = readers(engine)
        self._askers = askers(engine)
        self._writers = writers(engine)
        # connections of their own: heartbeats must not queue behind hundreds of walks for one
        self._aside = aside(connect(parsed, kept=1))
        #: how long a connection is tried for; an SQLite file is there, or it is not
        self._restart = RESTART if engine.dialect.name == "postgresql" else 0.0
        # threads of this process queue here rather than poll for the database's own lock
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Give a transaction for queries; `Bug` if the database does not answer."""
        with self._answering(), ExitStack() as stack:
            yield Transaction(self._begun(self._readers, stack))

    @contextmanager
    def ask(self) -> Iterator[Transaction]:
        """Give what answers one query: several might see several states of the database."""
        with self._answering(), ExitStack() as stack:
            yield Transaction(self._begun(self._askers, stack))

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Give the one writing transaction: kept whole when the block ends, undone if it raises.

        Raises `StoreAway` if the database went away meanwhile; it may have been kept even so.
        """
        with self._answering(), self._turn, ExitStack() as stack:
            yield Transaction(self._begun(self._writers, stack))

    @contextmanager
    def whole(self) -> Iterator[Connection]:
        """Give the one writing transaction as it is, for what works on all tables alike."""
        with self._answering(), self._turn, ExitStack() as stack:
            yield self._begun(self._writers, stack)

    @contextmanager
    def aside(self) -> Iterator[Transaction]:
        """Give a transaction that writes what no other transaction does, and so takes no turn.

        For heartbeats: on PostgreSQL they never wait for the writer.
        """
        with self._answering(), ExitStack() as stack:
            yield Transaction(self._begun(self._aside, stack))

    def migrate(self) -> None:
        """Bring the schema up to date; safe when several processes do so at once."""
        with self._answering(), self._readers.begin() as connection:
            current = is_current(connection)
        if not current:
            with self._answering(), self._turn, self._writers.begin() as connection:
                upgrade(connection)

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._readers.dispose()
        self._aside.dispose()

    def _begun(self, engine: Engine, stack: ExitStack) -> Connection:
        """Return a connection in a transaction; wait while the server restarts."""
        end = time.monotonic() + self._restart
        while True:
            try:
                return stack.enter_context(engine.begin())
            except OperationalError as error:
                if time.monotonic() > end or is_busy(error.orig):
                    raise
                time.sleep(_PAUSE)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if isinstance(error, OperationalError) and is_busy(error.orig):
                raise StoreAway(busy(self._url)) from error
            if self._restart and isinstance(error, OperationalError):
                msg = f"the store {self.place} went away: is its server running?"
                raise StoreAway(msg) from error
            # its first line names the rule; the lines after it may show values
            said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
            why = said.partition("\n")[0]
            msg = f"the store {self.place} refused: {why}{NEXT}"
            raise Bug(msg) from error
