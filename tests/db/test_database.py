"""Transactions on both kinds of database: what is kept, what is not, what is given back."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from quartapp.audit.service import Actor
from quartapp.core.errors import NotReady
from quartapp.db.database import Database
from quartapp.db.engine import POOL_SIZE
from quartapp.houses import service
from quartapp.houses.models import House

EMOJI = "🏠 阳光花园 ‘é’ \\ % : \"'"


async def add_house(database: Database, id: str, name: str | None = None) -> None:
    async with database.writing() as db:
        await service.create(
            db,
            id=id,
            project_no=None,
            project_name=name,
            project_address=None,
            by=Actor(None, "ann"),
        )


async def ids(database: Database) -> list[str]:
    async with database.reading() as db:
        return list(await service.ids(db))


async def test_what_was_written_is_read(database: Database) -> None:
    await add_house(database, "😀", EMOJI)

    async with database.reading() as db:
        assert (await service.get(db, id="😀")).project_name == EMOJI


async def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    async def write() -> None:
        async with database.writing() as db:
            db.add(House(id="1"))
            await db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()

    assert await ids(database) == []


async def test_nothing_is_written_by_reading(database: Database) -> None:
    async with database.reading() as db:
        db.add(House(id="1"))
        await db.execute(text("INSERT INTO base_house (id) VALUES ('2')"))

    assert await ids(database) == []


async def test_reading_sees_one_state_from_its_first_question_on(database: Database) -> None:
    await add_house(database, "1")
    async with database.reading() as db:
        before = await service.ids(db)
        await add_house(database, "2")

        assert await service.ids(db) == before == ["1"]


async def test_a_task_cancelled_inside_the_block_leaves_nothing(database: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with database.writing() as db:
            db.add(House(id="1"))
            await db.flush()
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await ids(database) == []


async def test_a_commit_that_has_begun_ends_even_if_the_task_is_cancelled(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()
    from quartapp.db import database as module

    keep = module._keep

    async def slowly(*args: object) -> None:
        begun.set()
        await asyncio.sleep(0.05)
        await keep(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_keep", slowly)
    task = asyncio.create_task(add_house(database, "1"))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await ids(database) == ["1"]


@pytest.mark.parametrize("moment", [0, 1, 2, 5, 10, 20, 40])
async def test_a_task_cancelled_at_any_moment_leaves_no_connection_checked_out(
    database: Database, moment: int
) -> None:
    tasks = [asyncio.create_task(add_house(database, f"{moment}-{n}")) for n in range(20)]
    for _ in range(moment):
        await asyncio.sleep(0.0005)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)
    kept = await ids(database)
    assert len(kept) >= sum(r is None for r in results)


async def test_fifty_that_read_and_then_write_at_once_all_count(database: Database) -> None:
    await add_house(database, "count", "0")

    async def add_one() -> None:
        async with database.writing() as db:
            house = await db.scalar(select(House).where(House.id == "count").with_for_update())
            assert house is not None
            house.project_name = str(int(house.project_name or 0) + 1)

    await asyncio.gather(*(add_one() for _ in range(50)))

    async with database.reading() as db:
        assert (await service.get(db, id="count")).project_name == "50"


async def test_two_hundred_writers_at_once_all_get_their_turn(database: Database) -> None:
    await asyncio.gather(*(add_house(database, str(n)) for n in range(200)))

    assert len(await ids(database)) == 200


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_writers_that_wait_for_their_turn_take_no_connection_from_readers(
    database: Database,
) -> None:
    async with database.writing() as db:
        db.add(House(id="first"))
        await db.flush()
        waiting = [asyncio.create_task(add_house(database, str(n))) for n in range(30)]
        await asyncio.sleep(0)

        assert await asyncio.wait_for(ids(database), 1) == []
    await asyncio.gather(*waiting)

    assert len(await ids(database)) == 31


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_turn_that_does_not_come_in_time_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quartapp.db.database.POOL_TIMEOUT", 0.05)
    async with database.writing():
        with pytest.raises(NotReady, match="not through"):
            await add_house(database, "1")

    await add_house(database, "2")
    assert await ids(database) == ["2"]


async def test_a_transaction_that_takes_too_long_is_given_up(database: Database) -> None:
    async def write() -> None:
        async with database.writing(limit=0.05) as db:
            db.add(House(id="1"))
            await db.flush()
            await asyncio.sleep(5)

    with pytest.raises(NotReady, match=r"not through after 0\.05 seconds"):
        await write()

    assert await ids(database) == []


async def test_a_question_that_takes_too_long_is_given_up(database: Database) -> None:
    with pytest.raises(NotReady, match=r"not through after 0\.05 seconds"):
        async with database.asking(limit=0.05):
            await asyncio.sleep(5)


async def test_who_waits_for_a_connection_to_ask_on_may_be_cancelled(database: Database) -> None:
    async def ask() -> None:
        async with database.asking() as db:
            await db.execute(text("SELECT 1"))
            await asyncio.sleep(5)

    tasks = [asyncio.create_task(ask()) for _ in range(2 * POOL_SIZE)]
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(end, asyncio.CancelledError) for end in ends)
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_timeout_of_the_block_itself_passes_unchanged(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with database.reading():
            raise TimeoutError("mine")


async def test_two_databases_share_nothing() -> None:
    one, other = Database("sqlite+aiosqlite://"), Database("sqlite+aiosqlite://")
    async with one.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (id integer)"))

    with pytest.raises(DBAPIError):
        async with other.reading() as db:
            await db.execute(text("SELECT * FROM t"))

    await one.close()
    await other.close()


async def test_a_database_that_is_there_gives_a_sign_of_life(database: Database) -> None:
    await database.check()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql+aiomysql://root:geheim@127.0.0.1:1/x", "Can't connect"),
        ("sqlite+aiosqlite:////nowhere/at/all.db", "unable to open"),
    ],
)
async def test_a_database_that_is_away_is_named_without_its_password(url: str, why: str) -> None:
    database = Database(url)

    with pytest.raises(NotReady, match=why) as caught:
        await database.check()

    assert "geheim" not in str(caught.value)
    assert "does not answer" in str(caught.value)
    await database.close()


async def test_an_update_counts_rows_found_and_not_rows_changed(database: Database) -> None:
    await add_house(database, "1", "same")

    async with database.writing() as db:
        done = await db.execute(update(House).values(project_name="same"))

    assert done.rowcount == 1  # type: ignore[attr-defined]
