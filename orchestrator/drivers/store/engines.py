"""Connections: how each kind of database is opened so that transactions mean the same on all."""

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DisconnectionError
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
#: seconds after which a connection is asked whether the server is still there
RESTED: Final = 1.0
#: what PostgreSQL says after `lock_timeout`
_LOCK_NOT_AVAILABLE: Final = "55P03"
_USED: Final = "used"
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


def connect(url: URL, kept: int = KEPT) -> Engine:
    """Return an engine to make `readers` and `writers` of; `ConfigError` if it cannot be made."""
    return _OPENERS[url.get_backend_name()](url, kept)


def readers(engine: Engine) -> Engine:
    """Return the same engine (and connections), whose transactions see one state throughout."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="REPEATABLE READ")
    return engine


def askers(engine: Engine) -> Engine:
    """Return the same engine (and connections), for one query without a transaction around it."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine


def writers(engine: Engine) -> Engine:
    """Return the same engine (and connections), whose transactions come one after the other."""
    return engine.execution_options(writes=True)


def aside(engine: Engine) -> Engine:
    """Return the same engine, whose transactions write without taking a turn where they can."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="READ COMMITTED")
    return writers(engine)


def is_busy(error: BaseException | None) -> bool:
    """Return whether a database refused since another process wrote for too long."""
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return getattr(error, "sqlstate", None) == _LOCK_NOT_AVAILABLE


def _sqlite(url: URL, kept: int) -> Engine:
    file = Path(str(url.database))
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.chmod(0o600)
    except OSError as error:
        msg = f"the store's file {file} cannot be made: {error.strerror}; mend store.url"
        raise ConfigError(msg) from error
    engine = create_engine(
        url, connect_args={"timeout": PATIENCE}, pool_size=kept, max_overflow=2 * kept
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


def _postgres(url: URL, kept: int) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": int(PATIENCE),
            "options": f"-c lock_timeout={int(PATIENCE)}s",
        },
        pool_size=kept,
        max_overflow=2 * kept,
    )
    event.listen(engine, "connect", _used)
    event.listen(engine, "checkin", _used)
    event.listen(engine, "checkout", partial(_prove, engine))
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _used(_: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED] = time.monotonic()


def _prove(
    engine: Engine, connection: DBAPIConnection, record: ConnectionPoolEntry, _: object
) -> None:
    """Let a connection that rested be replaced if a restarted server has hung up on it.

    One that was used just now is not asked: that would double the round trips of most.
    """
    if time.monotonic() - record.info[_USED] < RESTED:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        msg = "the server has hung up"
        raise DisconnectionError(msg) from error


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):
        connection.execute(query("postgres_lock"), {"key": WRITERS})


_OPENERS: Final = {"sqlite": _sqlite, "postgresql": _postgres}
