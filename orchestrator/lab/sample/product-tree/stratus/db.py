"""The control's database: one SQLite file, brought up to date at start."""

import sqlite3
import threading
from pathlib import Path

from stratus.web import Json, Refused

_MIGRATIONS = Path(__file__).parent / "migrations"

Value = str | int | bytes | None


class Database:
    """Rows as dicts; every call is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it if need be."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA synchronous = OFF")

    def rows(self, sql: str, *values: Value) -> list[Json]:
        """Return every row that the query finds."""
        with self._lock:
            return [dict(row) for row in self._connection.execute(sql, values)]

    def row(self, sql: str, *values: Value) -> Json | None:
        """Return the first row that the query finds."""
        return next(iter(self.rows(sql, *values)), None)

    def need(self, what: str, sql: str, *values: Value) -> Json:
        """Return the first row; raise a 404 that says `what` is missing."""
        found = self.row(sql, *values)
        if found is None:
            raise Refused(404, f"{what} could not be found")
        return found

    def insert(self, table: str, **columns: Value) -> int:
        """Add a row; return its number."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  # names are ours
        with self._lock:
            return self._connection.execute(sql, tuple(columns.values())).lastrowid or 0

    def migrate(self) -> None:
        """Run the migrations that this file has not seen, in the order of their names."""
        with self._lock:
            self._connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT)")
            seen = {row["name"] for row in self.rows("SELECT name FROM migrations")}
            for path in sorted(_MIGRATIONS.glob("*.sql")):
                if path.name not in seen:
                    self._migrate(path)

    def _migrate(self, path: Path) -> None:
        try:
            self._connection.executescript(f"BEGIN; {path.read_text()}")
            self.insert("migrations", name=path.name)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise sqlite3.DatabaseError(f"migration {path.name} failed: {error}") from error
