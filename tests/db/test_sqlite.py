"""How often a transaction on SQLite goes to its connection's thread, and what it finds there."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.pool import AsyncAdaptedQueuePool

from quartapp.db import sqlite
from quartapp.db.database import Database
from quartapp.db.engine import WRITING

INSERT = text("INSERT INTO kept (name) VALUES ('a')")


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'own.db'}")
    async with database.writing() as db:
        await db.execute(text("CREATE TABLE kept (id INTEGER PRIMARY KEY, name TEXT)"))
    yield database
    await database.close()


@pytest.fixture
def errands(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The driver's log, in which each errand has a line."""
    caplog.set_level("DEBUG", logger="aiosqlite")
    return caplog


def count(errands: pytest.LogCaptureFixture) -> int:
    number = sum(line.startswith("executing ") for line in errands.messages)
    errands.clear()
    return number


async def test_a_question_is_one_errand_and_the_end_another(
    database: Database, errands: pytest.LogCaptureFixture
) -> None:
    async with database.reading() as db:
        assert (await db.execute(text("SELECT 1, 'x'"))).all() == [(1, "x")]
        assert count(errands) == 1
        await db.execute(text("SELECT 2"))
        assert count(errands) == 1

    assert count(errands) == 1


async def test_a_question_without_a_snapshot_is_one_errand_and_that_is_all(
    database: Database, errands: pytest.LogCaptureFixture
) -> None:
    async with database.reading(snapshot=False) as db:
        assert await db.scalar(text("SELECT 1")) == 1

    assert count(errands) == 1


async def test_a_question_without_a_session_is_one_errand_and_changes_nothing(
    database: Database, errands: pytest.LogCaptureFixture
) -> None:
    async with database.asking() as db:
        assert await db.scalar(text("SELECT 1")) == 1
    assert count(errands) == 1

    with pytest.raises(ProgrammingError, match="needs a transaction"):
        async with database.asking() as db:
            await db.execute(INSERT)


async def test_without_a_snapshot_each_question_sees_what_is_there(database: Database) -> None:
    asked = text("SELECT count(*) FROM kept")
    async with database.reading(snapshot=False) as db:
        assert await db.scalar(asked) == 0
        async with database.writing() as other:
            await other.execute(INSERT)
        assert await db.scalar(asked) == 1


async def test_without_a_transaction_nothing_is_changed(database: Database) -> None:
    for change in (INSERT, text("UPDATE kept SET name = 'b'"), text("DELETE FROM kept")):
        with pytest.raises(ProgrammingError, match="needs a transaction"):
            async with database.reading(snapshot=False) as db:
                await db.execute(change)
    with pytest.raises(ProgrammingError, match="needs a transaction"):
        async with database.reading(snapshot=False) as db:
            await db.execute(text("INSERT INTO kept (name) VALUES (:n)"), [{"n": "a"}, {"n": "b"}])
    with pytest.raises(ProgrammingError, match="needs a transaction"):
        async with database.reading(snapshot=False) as db, db.begin_nested():
            await db.execute(text("SELECT 1"))

    async with database.reading() as db:
        assert await db.scalar(text("SELECT count(*) FROM kept")) == 0


async def test_who_wrote_before_is_not_in_the_way_of_who_reads_without_a_snapshot(
    database: Database,
) -> None:
    """One connection in turns: what was begun for one user is nothing to the next."""
    for number in range(3):
        async with database.writing() as db:
            await db.execute(INSERT)
        async with database.reading(snapshot=False) as db:
            assert await db.scalar(text("SELECT count(*) FROM kept")) == number + 1
        with pytest.raises(IntegrityError):
            async with database.writing() as db:
                await db.execute(text("INSERT INTO kept (id) VALUES (1), (1)"))


async def test_who_leaves_in_mid_question_without_a_snapshot_leaves_nothing(
    database: Database,
) -> None:
    slow = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)"
        " SELECT count(*) FROM n"
    )

    async def ask() -> None:
        async with database.reading(snapshot=False) as db:
            await db.execute(slow)

    for delay in (0, 0.001, 0.01):
        asking = asyncio.create_task(ask())
        await asyncio.sleep(delay)
        asking.cancel()
        await asyncio.wait([asking])
    pool = database.engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert pool.checkedout() == 0
    async with database.writing() as db:
        await db.execute(INSERT)


async def test_who_asks_nothing_goes_nowhere(
    database: Database, errands: pytest.LogCaptureFixture
) -> None:
    async with database.reading() as db:
        await db.connection()

    assert count(errands) == 0


async def test_a_change_is_one_errand_and_to_keep_it_another(
    database: Database, errands: pytest.LogCaptureFixture
) -> None:
    async with database.writing() as db:
        await db.execute(text("INSERT INTO kept (name) VALUES ('a')"))
        assert count(errands) == 1

    assert count(errands) == 1


async def test_a_change_that_stands_alone_is_one_errand_and_is_kept(
    database: Database, errands: pytest.LogCaptureFixture
) -> None:
    async with database.writing(alone=True) as db:
        await db.execute(INSERT)
    assert count(errands) == 1

    async with database.reading() as db:
        assert await db.scalar(text("SELECT count(*) FROM kept")) == 1


async def test_where_one_change_was_announced_there_is_no_second_one(database: Database) -> None:
    async with database.writing() as db:
        await db.execute(INSERT)

    async def change_and(change: TextClause) -> None:
        async with database.writing(alone=True) as db:
            await db.execute(text("UPDATE kept SET name = 'b'"))
            await db.execute(change)

    for second in (INSERT, text("DELETE FROM kept")):
        with pytest.raises(ProgrammingError, match="needs a transaction"):
            await change_and(second)
    with pytest.raises(ProgrammingError, match="needs a transaction"):
        async with database.writing(alone=True) as db:
            await db.execute(text("INSERT INTO kept (name) VALUES (:n)"), [{"n": "a"}, {"n": "b"}])
    with pytest.raises(ProgrammingError, match="needs a transaction"):
        async with database.writing(alone=True) as db, db.begin_nested():
            await db.execute(INSERT)

    async with database.reading() as db:
        assert (await db.scalars(text("SELECT name FROM kept"))).all() == ["b"]


async def test_a_change_that_stands_alone_and_fails_is_nothing_to_the_next_user(
    database: Database,
) -> None:
    for _ in range(2):
        with pytest.raises(IntegrityError):
            async with database.writing(alone=True) as db:
                await db.execute(text("INSERT INTO kept (id) VALUES (1), (1)"))
        async with database.writing(alone=True) as db:
            """Who has nothing to do after all."""
        with pytest.raises(ProgrammingError, match="needs a transaction"):
            async with database.asking() as asked:
                await asked.execute(INSERT)

    async with database.reading() as db:
        assert await db.scalar(text("SELECT count(*) FROM kept")) == 0


async def test_who_may_write_keeps_others_out_from_the_first_question_on(
    database: Database,
) -> None:
    async with database.writing() as db:
        await db.execute(text("SELECT * FROM kept"))
        other = sqlite3.connect(str(database.url.database), timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO kept (name) VALUES ('b')")
        other.close()


async def test_who_was_kept_out_begins_again_and_keeps_nothing_by_itself(
    database: Database,
) -> None:
    other = sqlite3.connect(str(database.url.database), isolation_level=None)

    async def write() -> None:
        async with database.writing() as db:
            await db.execute(text("PRAGMA busy_timeout = 0"))
            await db.rollback()
            await db.connection(execution_options={WRITING: True})
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError, match="locked"):
                await db.execute(INSERT)
            other.execute("ROLLBACK")
            await db.execute(INSERT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()
    other.close()

    async with database.reading() as db:
        assert await db.scalar(text("SELECT count(*) FROM kept")) == 0


async def test_what_is_read_stays_as_it_was_at_the_first_question(database: Database) -> None:
    asked = text("SELECT count(*) FROM kept")
    async with database.reading() as db:
        assert await db.scalar(asked) == 0
        async with database.writing() as other:
            await other.execute(text("INSERT INTO kept (name) VALUES ('a')"))
        assert await db.scalar(asked) == 0

    async with database.reading() as db:
        assert await db.scalar(asked) == 1


async def test_a_failed_question_leaves_no_transaction_behind(database: Database) -> None:
    for _ in range(2):
        with pytest.raises(OperationalError, match="no such table"):
            async with database.reading() as db:
                await db.execute(text("SELECT * FROM missing"))

    async with database.reading() as db:
        raw = await (await db.connection()).get_raw_connection()
        assert raw.driver_connection is not None
        assert not raw.driver_connection.in_transaction


async def test_many_rows_are_written_and_undone_together(database: Database) -> None:
    rows = [{"name": "a"}, {"name": "b"}]
    insert = text("INSERT INTO kept (name) VALUES (:name)")
    async with database.engine.connect() as connection:  # begins with no lock
        assert (await connection.execute(insert, rows)).rowcount == 2
        await connection.rollback()
        await connection.execute(insert, rows)
        await connection.commit()

    async with database.reading() as db:
        assert (await db.execute(text("SELECT id, name FROM kept"))).all() == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("ids", [[1], [2, 1]])
async def test_what_failed_is_forgotten_without_waiting_for_a_writer(
    database: Database, ids: list[int]
) -> None:
    add = text("INSERT INTO kept (id) VALUES (:id)")
    async with database.writing() as db:
        await db.execute(add, {"id": 1})
    failed = []
    with pytest.raises(IntegrityError) as error:
        async with database.writing() as db:
            await db.execute(add, [{"id": id} for id in ids])
    failed.append(error)
    del error

    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(_add(database, 2))
        await asyncio.sleep(0.2)
        failed.clear()
        gc.collect()
        other.execute("ROLLBACK")
    await waiting


async def _add(database: Database, id: int) -> None:
    async with database.writing() as db:
        await db.execute(text("INSERT INTO kept (id) VALUES (:id)"), {"id": id})


async def test_who_hangs_up_while_it_is_opened_leaves_it_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[object] = []

    class Told(sqlite._Connection):
        def close(self) -> None:
            closed.append(self)
            super().close()

    monkeypatch.setattr(sqlite, "_Connection", Told)
    opening = asyncio.ensure_future(sqlite.connect(str(tmp_path / "own.db")))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert len(closed) == 1
