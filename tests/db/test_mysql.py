"""A MySQL server that falls silent, goes away and comes back, and what a session on it is like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from quartapp.core.errors import NotReady
from quartapp.db import engine
from quartapp.db.database import Database
from tests.db.fake_mysql import fake_mysql
from tests.db.helpers import run
from tests.servers import MariaDB

RUNNING = "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP%'"


@pytest_asyncio.fixture
async def mysql(mysql_url: str) -> AsyncIterator[Database]:
    """A database on the server, without tables."""
    database = Database(mysql_url)
    yield database
    await database.close()


async def ask(database: Database, question: str) -> object:
    async with database.reading() as db:
        return await db.scalar(text(question))


async def test_the_session_is_the_same_whatever_the_server_and_the_address_say(
    mysql: Database, mysql_server: MariaDB
) -> None:
    mysql_server.run("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
    other = Database(mysql.url.update_query_dict({"charset": "latin1"}).render_as_string(False))
    try:
        found = await run(
            other, "SELECT @@sql_mode, @@character_set_client, @@character_set_connection"
        )
        assert await ask(other, r"SELECT 'a\\b'") == r"a\b"
        assert await ask(other, "SELECT '🏠'") == "🏠"
    finally:
        mysql_server.run("SET GLOBAL sql_mode = DEFAULT")
        await other.close()

    ((mode, *charsets),) = found
    assert set(mode.split(",")) == {
        "STRICT_TRANS_TABLES",
        "NO_ZERO_IN_DATE",
        "NO_ZERO_DATE",
        "ERROR_FOR_DIVISION_BY_ZERO",
        "NO_ENGINE_SUBSTITUTION",
    }
    assert charsets == ["utf8mb4", "utf8mb4"]


async def test_connections_killed_by_the_server_are_replaced_unseen(
    mysql: Database, mysql_server: MariaDB
) -> None:
    for _ in range(3):
        number = await ask(mysql, "SELECT CONNECTION_ID()")
        mysql_server.run(f"KILL {number}")

        assert await ask(mysql, "SELECT 1") == 1


async def test_a_server_that_goes_away_comes_back_without_a_restart_of_ours(
    mysql: Database, mysql_server: MariaDB
) -> None:
    assert await ask(mysql, "SELECT 1") == 1
    await asyncio.to_thread(mysql_server.stop)
    try:
        with pytest.raises(NotReady, match="does not answer"):
            await mysql.check()
        with pytest.raises(DBAPIError):
            await ask(mysql, "SELECT 1")
    finally:
        await asyncio.to_thread(mysql_server.start)

    await mysql.check()
    assert await ask(mysql, "SELECT 1") == 1


async def test_a_server_that_stops_in_mid_answer_is_given_up_in_time(
    mysql: Database, mysql_server: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT", 0.3)
    assert await ask(mysql, "SELECT 1") == 1
    with mysql_server.silent():
        # One finds the connection that was kept, the other makes a new one.
        asked = (ask_for(mysql, 0.5) for _ in range(2))
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(result) for result in results} <= {NotReady, OperationalError}

    assert await ask(mysql, "SELECT 1") == 1


async def ask_for(database: Database, limit: float) -> object:
    async with database.writing(limit=limit) as db:
        return await db.scalar(text("SELECT 1"))


async def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT", 0.2)
    gone: list[bytes] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = Database(f"mysql+aiomysql://root@127.0.0.1:{port}/x")

    with pytest.raises(NotReady, match=r"no answer within 0\.2 seconds"):
        await database.check()

    await asyncio.sleep(0.01)
    assert gone == [b""]  # our side of the connection is closed
    await database.close()
    server.close()
    await server.wait_closed()


async def test_a_connection_given_up_by_a_cancelled_task_is_closed() -> None:
    came, gone = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = Database(f"mysql+aiomysql://root@127.0.0.1:{port}/x")
    task = asyncio.create_task(ask(database, "SELECT 1"))
    await came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.wait_for(gone.wait(), 2)
    await database.close()
    server.close()
    await server.wait_closed()


async def test_a_cancelled_query_gives_its_place_back(
    mysql: Database, mysql_server: MariaDB
) -> None:
    tasks = [asyncio.create_task(ask(mysql, "SELECT SLEEP(20)")) for _ in range(engine.POOL_SIZE)]
    for _ in range(200):
        if len(mysql_server.run(RUNNING)) > engine.POOL_SIZE:
            break
        await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    began = time.monotonic()
    answers = await asyncio.gather(*(ask(mysql, "SELECT 1") for _ in range(engine.POOL_SIZE)))
    assert answers == [1] * engine.POOL_SIZE
    assert time.monotonic() - began < 5


async def test_a_query_whose_client_is_gone_ends_in_the_server_some_time(
    mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "STATEMENT_TIMEOUT", 1)
    database = Database(mysql_url)

    with pytest.raises(DBAPIError, match="max_statement_time"):
        await ask(database, "SELECT SLEEP(20)")

    await database.close()


async def test_who_waits_too_long_for_a_connection_is_told_so(
    mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "POOL_SIZE", 2)
    monkeypatch.setattr(engine, "POOL_TIMEOUT", 0.1)
    database = Database(mysql_url)
    async with database.reading() as one, database.reading() as other:
        await one.scalar(text("SELECT 1"))
        await other.scalar(text("SELECT 1"))

        with pytest.raises(PoolTimeout):
            await ask(database, "SELECT 1")
        with pytest.raises(NotReady):
            await database.check()

    assert await ask(database, "SELECT 1") == 1
    await database.close()


async def test_no_more_connections_are_made_than_the_pool_may_have(
    mysql: Database, mysql_server: MariaDB
) -> None:
    await asyncio.gather(*(ask(mysql, "SELECT SLEEP(0.01)") for _ in range(60)))

    rows = mysql_server.run(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s", mysql.url.database
    )
    assert rows == [(engine.POOL_SIZE,)]


async def test_an_unknown_database_is_told_in_one_line(mysql_server: MariaDB) -> None:
    database = Database(mysql_server.url("nix"))

    with pytest.raises(NotReady, match="Unknown database 'nix'") as caught:
        await database.check()

    assert "\n" not in str(caught.value)
    await database.close()


async def test_the_default_sign_in_of_mysql_8_works_without_tls() -> None:
    async with fake_mysql() as server:
        connection = await engine.connect_mysql(
            host="127.0.0.1", port=server.port, user="house", password="geheim", db="house"
        )
        await connection.ensure_closed()

    assert server.passwords == [b"geheim"]


@pytest.mark.parametrize("password", ["密码", "x" * 1000])
async def test_a_password_that_the_protocol_cannot_carry_is_an_error_of_the_database(
    mysql_server: MariaDB, password: str
) -> None:
    database = Database(mysql_server.url("x").replace("root", f"root:{password}"))

    with pytest.raises(NotReady, match="does not answer"):
        await database.check()

    await database.close()


async def test_another_kind_of_server_is_an_error_of_the_database() -> None:
    async def say_http(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(say_http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    database = Database(f"mysql+aiomysql://root@127.0.0.1:{port}/x")

    with pytest.raises(NotReady, match="does not answer"):
        await database.check()

    await database.close()
    server.close()
    await server.wait_closed()
