"""A statement that takes too long is given up by the database, and the connection stays."""

from __future__ import annotations

import asyncio
import time
from unittest.mock import Mock

import pytest
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects import mysql

from quartapp.core.errors import TooSlow
from quartapp.db.database import Database
from quartapp.db.deadline import SECONDS, limit_statement

# A statement of some seconds: counting on SQLite, which knows no sleep.
COUNTING = """SELECT count(*) FROM (
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)
    SELECT i FROM n)"""


def slow(database: Database) -> str:
    return COUNTING if database.url.get_backend_name() == "sqlite" else "SELECT SLEEP(10)"


async def test_a_slow_statement_is_given_up(database: Database) -> None:
    began = time.monotonic()

    with pytest.raises(TooSlow):
        async with database.reading(statement_timeout=0.2) as db:
            await db.execute(text(slow(database)))

    assert time.monotonic() - began < 3


async def test_the_connection_is_as_good_as_before(database: Database) -> None:
    for _ in range(3):
        with pytest.raises(TooSlow):
            async with database.reading(statement_timeout=0.05) as db:
                await db.execute(text(slow(database)))

    async with database.writing() as db:
        await db.execute(text("INSERT INTO base_house VALUES ('1', NULL, NULL, NULL)"))
    async with database.reading() as db:
        assert await db.scalar(text("SELECT count(*) FROM base_house")) == 1


async def test_who_goes_in_time_hears_nothing_of_it(database: Database) -> None:
    async with database.reading(statement_timeout=0.1) as db:
        assert await db.scalar(text("SELECT 1")) == 1
    await asyncio.sleep(0.15)
    async with database.reading(statement_timeout=0.1) as db:
        assert await db.scalar(select(bindparam("x", "%")).where(func.length("a") == 1)) == "%"


async def test_another_error_stays_what_it_is(database: Database) -> None:
    with pytest.raises(Exception, match="nowhere"):
        async with database.reading(statement_timeout=1) as db:
            await db.execute(text("SELECT * FROM nowhere"))


@pytest.mark.parametrize(
    ("is_mariadb", "statement", "expected"),
    [
        (False, "SELECT 1", "SELECT /*+ MAX_EXECUTION_TIME(1500) */ 1"),
        (True, "SELECT 1", "SET STATEMENT max_statement_time=1.5 FOR SELECT 1"),
        (True, "ROLLBACK", "ROLLBACK"),
    ],
)
def test_each_server_is_told_in_its_own_words(
    is_mariadb: bool, statement: str, expected: str
) -> None:
    dialect = mysql.dialect(is_mariadb=is_mariadb)
    connection = Mock(dialect=dialect)
    connection.get_execution_options.return_value = {SECONDS: 1.5}

    told = limit_statement(connection, None, statement, ("x",), None, False)

    assert told == (expected, ("x",))
