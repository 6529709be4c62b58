"""A time that a statement may take, after which the database itself gives it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.errors import TooSlow

SECONDS = "quartapp_statement_seconds"  # the execution option of a connection with a deadline
GIVEN_UP = {1969, 3024, "interrupted"}  # MariaDB, MySQL, SQLite


@asynccontextmanager
async def statements_within(session: AsyncSession, seconds: float | None) -> AsyncIterator[None]:
    """Raise TooSlow if a statement takes longer; the connection is as good as before.

    On SQLite the statements of the block have this time together.
    """
    if seconds is None:
        yield
        return
    connection = await session.connection(execution_options={SECONDS: seconds})
    timer = None
    if connection.dialect.name == "sqlite":
        driver = (await connection.get_raw_connection()).driver_connection
        timer = asyncio.create_task(_interrupt(driver, seconds))
    try:
        yield
    except OperationalError as error:
        if not GIVEN_UP.intersection(getattr(error.orig, "args", ())):
            raise
        raise TooSlow(f"the database was not through after {seconds:g} seconds") from error
    finally:
        if timer is not None:
            timer.cancel()
            await asyncio.wait([timer])


def limit_statement(
    connection: Connection,
    _cursor: object,
    statement: str,
    parameters: Any,
    _context: object,
    _many: bool,
) -> tuple[str, Any]:
    """Tell the server the deadline with the statement: nothing is left to be taken back."""
    seconds = connection.get_execution_options().get(SECONDS)
    if seconds is None or not statement.startswith("SELECT"):
        return statement, parameters
    if getattr(connection.dialect, "is_mariadb", False):
        return f"SET STATEMENT max_statement_time={seconds:g} FOR {statement}", parameters
    hint = f"SELECT /*+ MAX_EXECUTION_TIME({round(seconds * 1000)}) */"
    return statement.replace("SELECT", hint, 1), parameters


async def _interrupt(driver: Any, seconds: float) -> None:
    """Interrupt whatever a SQLite connection is at, until the block ends."""
    await asyncio.sleep(seconds)
    while True:
        await driver.interrupt()
        await asyncio.sleep(0.05)
