"""A database that is closed while somebody is at it: they come to their end, and nothing is left.

That happens where an application ends before its last request or its last look at itself does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from quartapp.db.database import Database
from tests.db.helpers import run
from tests.servers import MariaDB

TABLE = "CREATE TABLE t (id integer)"


@pytest.fixture
def connections(
    backend: str, empty_database: Database, request: pytest.FixtureRequest
) -> Callable[[], int]:
    """How many connections to the database are open, as its other end sees them."""
    name = str(empty_database.url.database)
    if backend == "sqlite":

        def count_files() -> int:
            held = (each.resolve() for each in Path("/proc/self/fd").iterdir())
            return sum(path == Path(name).resolve() for path in held)

        return count_files

    server: MariaDB = request.getfixturevalue("mysql_server")
    ours = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s"
    return lambda: int(str(server.run(ours, name)[0][0]))


async def until_none(connections: Callable[[], int]) -> None:
    async with asyncio.timeout(5):
        while connections():  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)


async def test_who_writes_meanwhile_ends_and_leaves_no_connection(
    empty_database: Database, connections: Callable[[], int]
) -> None:
    await run(empty_database, TABLE)
    async with empty_database.reading() as reader, empty_database.writing() as db:
        await reader.execute(text("SELECT * FROM t"))
        await empty_database.close()
        await db.execute(text("INSERT INTO t VALUES (1)"))
        assert connections() >= 2
    await until_none(connections)

    assert await run(empty_database, "SELECT * FROM t") == [(1,)]


async def test_who_comes_later_leaves_no_connection(
    empty_database: Database, connections: Callable[[], int]
) -> None:
    await empty_database.close()
    assert await run(empty_database, "SELECT 1") == [(1,)]
    await until_none(connections)
