"""One database: how it is read, written and brought up to date.

There is one writer at a time, whatever the database and however many processes there are. That is
what makes ids count without gaps, and what keeps a reader from ever seeing event 8 before event 7.
Transactions are short, since the engine keeps its own tables in the same file.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from orchestrator.drivers.store.engines import connect, place, readers, writers
from orchestrator.drivers.store.queries import query
from orchestrator.drivers.store.schema import is_current, upgrade
from orchestrator.model.errors import Bug

Value = str | int | None


class Transaction:
    """Runs statements of the SQL files, by name, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, its transaction begun."""
        self._connection = connection

    def all(self, name: str, **values: Value) -> Sequence[Row[Any]]:
        """Return the rows of a query."""
        return self._connection.execute(query(name), values).all()

    def one(self, name: str, **values: Value) -> Row[Any] | None:
        """Return the first row of a query, or None."""
        return self._connection.execute(query(name), values).first()

    def single(self, name: str, **values: Value) -> Row[Any]:
        """Return the only row of a query that always has one."""
        return self._connection.execute(query(name), values).one()

    def run(self, name: str, **values: Value) -> int:
        """Run a statement; return how many rows it changed."""
        return self._connection.execute(query(name), values).rowcount

    def many(self, name: str, rows: Iterable[Mapping[str, Value]]) -> None:
        """Run a statement once for each of `rows`."""
        if values := list(rows):
            self._connection.execute(query(name), values)


class Database:
    """The database at a URL; any number of threads and processes may open it at once."""

    def __init__(self, url: str) -> None:
        """Open the database at `url`; an SQLite file is made if absent, for its owner only.

        Raises `ConfigError` for a URL that names no database, or a file that cannot be made.
        """
        parsed = place(url)
        #: where it is, without the password
        self.place = parsed.render_as_string(hide_password=True)
        engine = connect(parsed)
        self._readers = readers(engine)
        self._writers = writers(engine)
        # threads of this process queue here rather than poll for the database's own lock
        self._turn = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Give a transaction for queries; `Bug` if the database does not answer."""
        with self._answering(), self._readers.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Give the one writing transaction: kept whole when the block ends, undone if it raises."""
        with self._answering(), self._turn, self._writers.begin() as connection:
            yield Transaction(connection)

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

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # its first line names the rule; the lines after it may show values
            said = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
            why = said.partition("\n")[0]
            msg = f"the store {self.place} refused: {why}; `smoketest doctor --store` looks into it"
            raise Bug(msg) from error
