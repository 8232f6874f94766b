"""Connections: how each kind of database is opened so that transactions mean the same on all."""

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from orchestrator.drivers.store.queries import plain, query
from orchestrator.model.errors import ConfigError

#: seconds that a transaction waits for another process's
PATIENCE: Final = 30.0
#: seconds that a connection is tried for while the server restarts; shorter than a worker may be
#: silent: one that is cut off must have stopped its work before others take it up
RESTART: Final = 4.0
#: connections kept open; twice as many more are opened while threads ask
KEPT: Final = 8
#: the advisory lock that writers on PostgreSQL queue for
WRITERS: Final = 0x536D6F6B65


def place(url: str) -> URL:
    """Return the URL, parsed; raise `ConfigError` if it names no database that we can use."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    known = parsed is not None and parsed.get_backend_name() in _OPENERS
    if parsed is None or not known or parsed.database in {None, "", ":memory:"}:
        msg = (
            "store.url names no database: write sqlite:////path/to/store.sqlite "
            "or postgresql://user@host/database"
        )
        raise ConfigError(msg)
    return parsed


def connect(url: URL) -> Engine:
    """Return an engine to make `readers` and `writers` of; `ConfigError` if it cannot be made."""
    return _OPENERS[url.get_backend_name()](url)


def readers(engine: Engine) -> Engine:
    """Return the same engine (and connections), whose transactions see one state throughout."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ")
    return engine


def writers(engine: Engine) -> Engine:
    """Return the same engine (and connections), whose transactions come one after the other."""
    return engine.execution_options(writes=True)


def aside(engine: Engine) -> Engine:
    """Return the same engine, whose transactions write without taking a turn where they can."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="READ COMMITTED")
    return writers(engine)


def _sqlite(url: URL) -> Engine:
    file = Path(str(url.database))
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.chmod(0o600)
    except OSError as error:
        msg = f"the store's file {file} cannot be made: {error.strerror}; mend store.url"
        raise ConfigError(msg) from error
    engine = create_engine(
        url, connect_args={"timeout": PATIENCE}, pool_size=KEPT, max_overflow=2 * KEPT
    )
    event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _open_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # else the module begins transactions by itself, and too late
    connection.isolation_level = None
    for name in ("sqlite_wal", "sqlite_durable", "sqlite_foreign_keys"):
        connection.execute(plain(name))


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql(plain("sqlite_begin_write" if writes else "sqlite_begin_read"))


def _postgres(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": int(PATIENCE),
            "options": f"-c lock_timeout={int(PATIENCE)}s",
        },
        # a restarted server has hung up on us
        pool_pre_ping=True,
        pool_size=KEPT,
        max_overflow=2 * KEPT,
    )
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):
        connection.execute(query("postgres_lock"), {"key": WRITERS})


_OPENERS: Final = {"sqlite": _sqlite, "postgresql": _postgres}
