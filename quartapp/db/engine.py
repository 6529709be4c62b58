"""The engine of a Database: how connections are made, kept and prepared."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import aiomysql
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from quartapp.db import deadline, sqlite

BUSY_TIMEOUT = 5.0  # seconds that a writer waits for another one on SQLite
CONNECT_TIMEOUT = 5.0  # seconds until a MySQL server that does not answer is given up
LOCK_TIMEOUT = 5  # seconds that a statement waits on MySQL for a row that another one changes
STATEMENT_TIMEOUT = 30  # seconds a statement may run on MySQL: it runs on when its client is gone
POOL_SIZE = 10  # connections of a process, if the server allows that many
POOL_TIMEOUT = 10.0  # seconds to wait for a free connection
POOL_RECYCLE = 1800  # seconds; below the server's wait_timeout

# A server may be set to cut off what does not fit, to read "x" as a name, or to keep zero dates:
# ours is to refuse, whatever the server's own setting is.
SQL_MODE = (
    "'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION'"
)

# Execution options of a transaction: that it will write, that it is but one statement, and (False)
# that it needs no snapshot.
WRITING = "quartapp_writing"
ALONE = "quartapp_alone"
SNAPSHOT = "quartapp_snapshot"
MEMORY = (None, "", ":memory:")  # what the address of a SQLite database in memory names
SERVER_GONE = 2013  # MySQL's number for a server that fell silent


def make_engine(url: URL, *, pool_size: int | None = None) -> AsyncEngine:
    """The engine for a database, with nothing connected yet."""
    size = pool_size or POOL_SIZE
    return _sqlite(url, size) if url.get_backend_name() == "sqlite" else _mysql(url, size)


def keep_none(engine: AsyncEngine) -> None:
    """Close each connection from now on when it is given back.

    A pool that is disposed of forgets those that are in use: given back later they stay open.
    """
    event.listen(engine.sync_engine, "checkin", _close)


def _sqlite(url: URL, pool_size: int) -> AsyncEngine:
    # The driver begins a transaction only before a change, so that two writers that read
    # first lose updates: it is told to keep out, and `_begin` says when one begins.
    engine = create_async_engine(
        url,
        module=sqlite.driver(),
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT},
        poolclass=AsyncAdaptedQueuePool,
        # A database in memory lives in its one connection, which users take in turn.
        pool_size=1 if url.database in MEMORY else pool_size,
        max_overflow=0,
        hide_parameters=True,  # an error tells the statement; its values may be a password's hash
        pool_timeout=POOL_TIMEOUT,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin)
    event.listen(engine.sync_engine, "invalidate", _roll_back)
    return engine


def _mysql(url: URL, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        # Another charset in the address could not carry what the tables hold.
        url.update_query_dict({"charset": "utf8mb4"}),
        pool_pre_ping=True,
        pool_recycle=POOL_RECYCLE,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # an error tells the statement; its values may be a password's hash
        pool_timeout=POOL_TIMEOUT,
        connect_args={"async_creator_fn": connect_mysql, "sql_mode": SQL_MODE},
    )
    event.listen(engine.sync_engine, "connect", _prepare_mysql)
    event.listen(engine.sync_engine, "before_cursor_execute", deadline.limit_statement, retval=True)
    return engine


class PatientConnection(aiomysql.Connection):  # type: ignore[misc]
    """One that waits no longer than CONNECT_TIMEOUT for a sign of life."""

    async def ping(self, reconnect: bool = True) -> None:
        """Ask for a sign of life; connects first. Raises aiomysql.Error if there is none."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await super().ping(reconnect)
        except TimeoutError:
            why = f"no answer within {CONNECT_TIMEOUT:g} seconds"
            raise aiomysql.OperationalError(SERVER_GONE, why) from None


async def connect_mysql(**arguments: Any) -> aiomysql.Connection:
    """A connection, or aiomysql.Error within CONNECT_TIMEOUT, whatever stands at the other end.

    The driver's own limit ends before the handshake, it leaves its socket open when it is
    cancelled there, and what it cannot read or encode comes out of it as any error at all.
    """
    connection = PatientConnection(**arguments)
    try:
        await connection.ping()
    except (aiomysql.Error, asyncio.CancelledError):
        connection.close()
        raise
    except Exception as error:
        connection.close()
        raise aiomysql.OperationalError(SERVER_GONE, f"no way to sign in: {error}") from error
    return connection


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _roll_back(connection: Any, _record: object, _error: object) -> None:
    """Let go of the database's lock before a connection that was cancelled is closed.

    Closing alone does not: a cursor that somebody still refers to, in the traceback of the
    cancellation say, keeps the connection open within SQLite, its transaction included.
    """
    with suppress(asyncio.CancelledError):  # the one on its way is enough
        connection.run_async(lambda driver: asyncio.shield(driver.rollback()))


def _close(_connection: object, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def _prepare_mysql(connection: Any, _record: object) -> None:
    if "MariaDB" in connection.driver_connection.get_server_info():
        limit = f"max_statement_time = {STATEMENT_TIMEOUT}"
    else:
        limit = f"max_execution_time = {STATEMENT_TIMEOUT * 1000}"
    cursor = connection.cursor()
    cursor.execute(f"SET SESSION {limit}, SESSION innodb_lock_wait_timeout = {LOCK_TIMEOUT}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(SNAPSHOT, True):
        return
    driver = cast(sqlite.QuickConnection, connection.connection.driver_connection)
    if options.get(ALONE):
        driver.announce_alone()
    else:
        driver.announce(sqlite.BEGIN_WRITING if options.get(WRITING) else sqlite.BEGIN_READING)
