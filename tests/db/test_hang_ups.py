"""Clients that hang up at any moment: who comes next reads their own rows, and nothing is held."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from quartapp.db.database import Database
from quartapp.db.text import pads
from tests.db.helpers import run
from tests.servers import MariaDB

SEED = 20260
OURS = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = %s AND info IS NOT NULL"

# Rows that say whose they are: those of another task would be seen.
MYSQL = text(
    "SELECT :me AS me, n.i FROM (SELECT 1 AS i UNION SELECT 2 UNION SELECT 3) AS n"
    " WHERE SLEEP(:pause) = 0"
)
SQLITE = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)"
    " SELECT :me AS me, i FROM n WHERE :pause >= 0"
).bindparams(bindparam("pause", type_=None))
WRITE = text("INSERT INTO base_house (id, project_name) VALUES (:me, :me)")


def chance_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to be repeated, not secret


async def rows_of_mine(db: AsyncSession | AsyncConnection, me: str, pause: float) -> None:
    question = MYSQL if pads(db) else SQLITE
    found = (await db.execute(question, {"me": me, "pause": pause})).all()
    assert [tuple(row) for row in found] == [(me, 1), (me, 2), (me, 3)]


async def visit(database: Database, me: str, pause: float, *, writes: bool) -> None:
    """Ask two or three things, and be sure that each answer is one's own."""
    if writes:
        async with database.writing() as db:
            await rows_of_mine(db, me, pause)
            await db.execute(WRITE, {"me": me})
            await rows_of_mine(db, me, 0)
    else:
        async with database.asking() as asked:
            await rows_of_mine(asked, me, pause)
        async with database.reading() as db:
            await rows_of_mine(db, me, pause)
            await rows_of_mine(db, me, 0)


async def hang_up_at_random(database: Database, chance: random.Random, visits: int) -> list[str]:
    """Cancel two of three visits somewhere on their way; the names of those that wrote."""
    tasks: dict[str, asyncio.Task[None]] = {}
    for number in range(visits):
        writes = chance.random() < 0.3
        me = f"{number}-{'writes' if writes else 'reads'}"
        one = visit(database, me, chance.uniform(0, 0.01), writes=writes)
        tasks[me] = task = asyncio.create_task(one)
        if chance.random() < 0.66:
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.05), task.cancel)
        if chance.random() < 0.2:
            await asyncio.sleep(chance.uniform(0, 0.01))
    ends = await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert [end for end in ends if not isinstance(end, asyncio.CancelledError | None)] == []
    return [me for me, end in zip(tasks, ends, strict=True) if end is None and "writes" in me]


async def all_is_given_back(database: Database) -> None:
    """Nobody holds a lock, a connection or the database's attention any more."""
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    began = time.monotonic()
    for number in range(3):
        await visit(database, f"after {number}", 0, writes=True)
    assert time.monotonic() - began < 4  # less than a writer waits for a lock


@pytest_asyncio.fixture(autouse=True)
async def nothing_runs_on(
    backend: str, database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[None]:
    """After each test: the server is at none of our statements, though their clients are gone."""
    if backend == "sqlite":  # it ends a statement before it lets its client go
        yield
        return
    server: MariaDB = request.getfixturevalue("mysql_server")
    name = database.url.database
    yield
    deadline = time.monotonic() + 5
    while await asyncio.to_thread(server.run, OURS, name) != [(0,)]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_nobody_reads_the_rows_of_one_who_hung_up(database: Database) -> None:
    written = await hang_up_at_random(database, chance_of(SEED), 300)

    await all_is_given_back(database)
    kept = {row[0] for row in await run(database, "SELECT id FROM base_house")}
    assert set(written) <= kept  # what was acknowledged; a commit that had begun goes on besides


async def test_the_traceback_of_one_who_hung_up_holds_no_lock(database: Database) -> None:
    chance = chance_of(SEED)
    ends: list[object] = []  # with them all that their frames refer to
    for round_ in range(8):
        tasks = [
            asyncio.create_task(visit(database, f"{round_}-{n}", 0, writes=True)) for n in range(10)
        ]
        await asyncio.sleep(chance.uniform(0, 0.03))
        for task in tasks:
            task.cancel()
        ends += await asyncio.gather(*tasks, return_exceptions=True)

    await all_is_given_back(database)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_nobody_ever_does(database: Database, seed: int) -> None:
    await hang_up_at_random(database, chance_of(seed), 5000)

    await all_is_given_back(database)
