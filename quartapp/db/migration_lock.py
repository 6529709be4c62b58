"""The lock under which one process at a time migrates a database, and the transaction in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from quartapp.core.errors import NotReady
from quartapp.db.engine import BUSY_TIMEOUT, WRITING

LOCK_TIMEOUT = 60  # seconds to wait for another process that migrates
TABLE_LOCK_TIMEOUT = 20  # seconds to wait for a table that somebody's transaction holds


def held(connection: AsyncConnection) -> AbstractAsyncContextManager[None]:
    """A transaction on `connection` beside which nobody else migrates. Raises NotReady."""
    return _sqlite(connection) if connection.dialect.name == "sqlite" else _mysql(connection)


@asynccontextmanager
async def _sqlite(connection: AsyncConnection) -> AsyncIterator[None]:
    """BEGIN IMMEDIATE around everything: SQLite can take changes of tables back.

    Foreign keys are off meanwhile: a table is changed by making it anew, and dropping the old one
    would empty those that refer to it.
    """
    await connection.execution_options(**{WRITING: True})
    await connection.run_sync(_outside, f"busy_timeout = {LOCK_TIMEOUT * 1000}")
    await connection.run_sync(_outside, "foreign_keys = OFF")
    try:
        try:
            await connection.exec_driver_sql("SELECT 1")  # begins it, and so waits for the lock
        except OperationalError as error:
            raise NotReady(f"the database is in use by another process: {error.orig}") from error
        yield
        await connection.commit()
    finally:
        await connection.rollback()
        await connection.run_sync(_outside, "foreign_keys = ON")
        await connection.run_sync(_outside, f"busy_timeout = {int(BUSY_TIMEOUT * 1000)}")


def _outside(connection: Connection, pragma: str) -> None:
    """Set a pragma without beginning a transaction: within one it would have no effect."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@asynccontextmanager
async def _mysql(connection: AsyncConnection) -> AsyncIterator[None]:
    """GET_LOCK, which goes with the connection; so do the settings that a migration needs."""
    try:
        for setting in (
            f"lock_wait_timeout = {TABLE_LOCK_TIMEOUT}",
            # An account that has the id 0 keeps it.
            "sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')",
            *(["max_statement_time = 0"] if _is_mariadb(connection) else []),
        ):
            await connection.exec_driver_sql(f"SET SESSION {setting}")
        # The name is the server's, so the database is part of it; it has at most 64 letters.
        lock = text("SELECT GET_LOCK(CONCAT('quartapp.', MD5(DATABASE())), :seconds)")
        if not await connection.scalar(lock, {"seconds": LOCK_TIMEOUT}):
            raise NotReady(f"another process has been migrating for {LOCK_TIMEOUT} seconds")
        await connection.commit()
        async with connection.begin():
            yield
    finally:
        await connection.invalidate()


def _is_mariadb(connection: AsyncConnection) -> bool:
    return bool(getattr(connection.dialect, "is_mariadb", False))
