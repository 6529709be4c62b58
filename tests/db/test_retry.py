"""Transactions that meet: who gives way does it again, and nothing is done twice."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.errors import NotReady
from quartapp.db import engine, retry
from quartapp.db.database import Database
from quartapp.db.retry import ATTEMPTS, gave_way, retried
from quartapp.houses.models import House
from quartapp.testing import migrated_file
from tests.db.helpers import run

COUNT_UP = text("UPDATE base_house SET project_no = project_no + 1 WHERE id = :id")


async def add_two(database: Database) -> None:
    async with database.writing() as db:
        db.add_all([House(id="1", project_no="0"), House(id="2", project_no="0")])


async def counts(database: Database) -> list[str]:
    rows = await run(database, "SELECT project_no FROM base_house ORDER BY id")
    return [row[0] for row in rows]


@pytest.mark.parametrize("backend", ["mysql"])
@pytest.mark.parametrize("savepoint", [False, True])
async def test_two_that_lock_each_other_out_both_come_through(
    database: Database, savepoint: bool
) -> None:
    await add_two(database)
    began = 0
    both_hold_one = asyncio.Event()

    async def second_step(db: AsyncSession, id: str) -> None:
        if savepoint:
            async with db.begin_nested():
                await db.execute(COUNT_UP, {"id": id})
        else:
            await db.execute(COUNT_UP, {"id": id})

    @retried
    async def crosswise(first: str, second: str) -> None:
        nonlocal began
        async with database.writing() as db:
            await db.execute(COUNT_UP, {"id": first})
            began += 1
            if began == 2:
                both_hold_one.set()
            await both_hold_one.wait()
            await second_step(db, second)

    await asyncio.gather(crosswise("1", "2"), crosswise("2", "1"))

    assert began >= 3  # one of them gave way
    assert await counts(database) == ["2", "2"]


@pytest.mark.parametrize("backend", ["mysql"])
async def test_who_waits_too_long_for_a_row_tries_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_two(database)
    monkeypatch.setattr(engine, "LOCK_TIMEOUT", 1)
    patient = Database(database.url.render_as_string(False))
    attempts = 0

    @retried
    async def count_up() -> None:
        nonlocal attempts
        attempts += 1
        async with patient.writing() as db:
            await db.execute(COUNT_UP, {"id": "1"})

    async with database.writing() as db:
        await db.execute(COUNT_UP, {"id": "1"})
        waiting = asyncio.create_task(count_up())
        while attempts < 2:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)
    await waiting

    assert await counts(database) == ["2", "0"]
    await patient.close()


async def test_sqlite_that_is_busy_with_another_process_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 0.01)
    path = tmp_path / "x.db"
    await asyncio.to_thread(shutil.copy, await migrated_file(), path)
    database, attempts = Database(f"sqlite+aiosqlite:///{path}"), 0
    await add_two(database)

    def hold() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    other = await asyncio.to_thread(hold)

    @retried
    async def count_up() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 3:
            await asyncio.to_thread(other.rollback)
        async with database.writing() as db:
            await db.execute(COUNT_UP, {"id": "1"})

    await count_up()

    assert (attempts, await counts(database)) == (3, ["1", "0"])
    other.close()
    await database.close()


async def test_who_always_gives_way_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE", 0)
    attempts = 0

    @retried
    async def work() -> None:
        nonlocal attempts
        attempts += 1
        raise OperationalError("UPDATE", {}, Exception(1213, "Deadlock found"))

    with pytest.raises(NotReady):
        await work()
    assert attempts == ATTEMPTS

    monkeypatch.setattr(retry, "PATIENCE", -1)
    with pytest.raises(NotReady):
        await work()
    assert attempts == ATTEMPTS + 1


@pytest.mark.parametrize("number", [2006, 2013, 1040, 1317, 1969])
async def test_what_may_have_been_done_is_not_done_again(number: int) -> None:
    attempts = 0

    @retried
    async def work() -> None:
        nonlocal attempts
        attempts += 1
        raise OperationalError("COMMIT", {}, Exception(number, "who knows"))

    with pytest.raises(OperationalError):
        await work()
    assert attempts == 1


async def test_a_row_that_is_there_already_is_no_reason_to_try_again(database: Database) -> None:
    await add_two(database)
    attempts = 0

    @retried
    async def work() -> None:
        nonlocal attempts
        attempts += 1
        async with database.writing() as db:
            await db.execute(update(House).where(House.id == "1").values(id="2"))

    with pytest.raises(IntegrityError):
        await work()
    assert attempts == 1


def test_an_error_without_a_number_gave_way_to_nobody() -> None:
    assert not gave_way(OperationalError("", {}, Exception()))
    assert not gave_way(None)
