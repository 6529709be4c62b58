"""A pool that never asks for more connections than the server allows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import AsyncMock, Mock

import pytest
from sqlalchemy import text

from quartapp.db.database import Database
from quartapp.db.engine import POOL_SIZE
from quartapp.db.pool import RESERVE, TooFewConnections, allowed
from tests.servers import MariaDB


@contextmanager
def most_connections(server: MariaDB, count: int) -> Iterator[None]:
    """Let the server allow so many for a while; it takes no number below 10."""
    for (other,) in server.run(
        "SELECT id FROM information_schema.processlist WHERE db IS NOT NULL"
    ):
        server.run(f"KILL {other}")  # what the pools of other tests keep; they make new ones
    ((before,),) = server.run("SELECT @@max_connections")
    server.run(f"SET GLOBAL max_connections = {count}")
    try:
        yield
    finally:
        server.run(f"SET GLOBAL max_connections = {before}")


async def crowd(database: Database) -> None:
    """Sixty who want a connection at once."""

    async def one() -> None:
        async with database.reading() as db:
            await db.execute(text("SELECT SLEEP(0.01)"))

    await asyncio.gather(*(one() for _ in range(60)))


def taken(server: MariaDB, database: Database) -> int:
    name = database.url.database
    ((count,),) = server.run(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s", name
    )
    return int(str(count))


@pytest.mark.parametrize(
    ("most", "processes", "expected"),
    [(120, 1, POOL_SIZE), (30, 4, 5), (10, 1, 2), (10, 4, 1)],
)
async def test_all_processes_together_stay_below_what_the_server_allows(
    mysql_server: MariaDB, mysql_url: str, most: int, processes: int, expected: int
) -> None:
    database = Database(mysql_url, processes=processes)
    with most_connections(mysql_server, most):
        await crowd(database)

        assert taken(mysql_server, database) == expected
    assert (processes + 1) * expected + RESERVE <= most  # also while one replaces another
    await database.close()


async def test_one_made_after_the_close_keeps_no_connection(
    mysql_server: MariaDB, mysql_url: str
) -> None:
    database = Database(mysql_url)
    await database.close()
    with most_connections(mysql_server, 10):
        await crowd(database)
    async with asyncio.timeout(5):
        while taken(mysql_server, database):  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)


async def test_the_limit_of_an_account_counts_too(mysql_server: MariaDB, mysql_url: str) -> None:
    name = mysql_url.rpartition("/")[2]
    mysql_server.run("CREATE USER few@'127.0.0.1' WITH MAX_USER_CONNECTIONS 12")
    mysql_server.run(f"GRANT ALL ON {name}.* TO few@'127.0.0.1'")
    database = Database(mysql_url.replace("root@", "few@"))
    try:
        await crowd(database)

        assert taken(mysql_server, database) == 3
    finally:
        await database.close()
        mysql_server.run("DROP USER few@'127.0.0.1'")


async def test_a_server_that_allows_too_few_is_named_as_such(
    mysql_server: MariaDB, mysql_url: str
) -> None:
    database = Database(mysql_url, processes=5)
    with most_connections(mysql_server, 10):
        with pytest.raises(TooFewConnections, match=r"allows 10 connections and 5 .* need 11"):
            await database.check()
        with pytest.raises(TooFewConnections):
            await crowd(database)

    await crowd(database)  # it was raised meanwhile
    assert taken(mysql_server, database) == POOL_SIZE
    await database.close()


async def test_a_server_without_a_limit_gives_what_is_wanted() -> None:
    connection = AsyncMock()
    connection.execute.return_value = Mock(one=lambda: (0, None))

    assert await allowed(connection, processes=64, wanted=7) == 7
