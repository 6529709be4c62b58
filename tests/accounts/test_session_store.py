"""Sign-ins in the database: what every store has to do, and what only this one has."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import AsyncAdaptedQueuePool

from quartapp.accounts import sessions
from quartapp.accounts.models import LoginKey, LoginSession
from quartapp.accounts.sessions import BATCH, DatabaseSessionStore
from quartapp.core.errors import NotReady
from quartapp.db.database import Database
from quartapp.db.retry import ATTEMPTS
from quartapp.jwt.conformance import NOW, SESSION_STORE_TESTS, another_process_sees_all_of_it
from quartapp.jwt.session_store import Session, SessionStore
from tests.jwt.session_app import GRACE, IDLE, REVOKED, Clock, World, build_world

Test = Callable[[SessionStore], Awaitable[None]]

REVOKE = """
import asyncio, sys
from datetime import UTC, datetime
from quartapp.accounts.sessions import DatabaseSessionStore
from quartapp.db.database import Database

async def main():
    database = Database(sys.argv[1])
    store = DatabaseSessionStore(database)
    print(await store.revoke_all("bob", now=datetime.now(UTC), reason="password"))
    await database.close()

asyncio.run(main())
"""


@pytest.fixture
def store(database: Database) -> DatabaseSessionStore:
    return DatabaseSessionStore(database)


@pytest_asyncio.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """The same database, as another process sees it."""
    second = Database(address(database))
    yield second
    await second.close()


def address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def worlds(store: DatabaseSessionStore, other: Database) -> tuple[World, World]:
    """Two processes of one application, on one database and with one clock."""
    clock = Clock()
    return build_world(store, clock=clock), build_world(DatabaseSessionStore(other), clock=clock)


@pytest.mark.parametrize("test", SESSION_STORE_TESTS, ids=lambda test: str(test.__name__))
async def test_it_conforms(store: DatabaseSessionStore, test: Test) -> None:
    await test(store)


async def test_a_second_process_sees_all_of_it(
    store: DatabaseSessionStore, other: Database
) -> None:
    await another_process_sees_all_of_it(store, DatabaseSessionStore(other))


async def test_fifty_parallel_refreshes_of_two_processes_take_one_step(
    worlds: tuple[World, World],
) -> None:
    one, two = worlds
    first = await one.sign_in()

    answers = await asyncio.gather(*(world.refresh(first) for world in (one, two) * 25))

    assert {status for status, _ in answers} == {200}
    assert len({body["refresh_token"] for _, body in answers}) == 1
    session = await one.store.get(first["session_id"])
    assert session is not None
    assert session.generation == 2


async def test_of_fifty_parallel_refreshes_without_grace_one_wins(
    store: DatabaseSessionStore, other: Database
) -> None:
    apps = [build_world(each, grace=timedelta(0)) for each in (store, DatabaseSessionStore(other))]
    first = await apps[0].sign_in()

    answers = await asyncio.gather(*(world.refresh(first) for world in apps * 25))

    assert [status for status, _ in answers].count(200) == 1
    assert len(apps[0].reused) + len(apps[1].reused) == 1


async def test_reuse_ends_the_session_for_every_process(worlds: tuple[World, World]) -> None:
    one, two = worlds
    first = await one.sign_in()
    second = await two.rotated(first)
    one.clock.advance(GRACE)

    assert await one.refresh(first) == REVOKED
    # The revocation was committed, whatever the answer was.
    assert await two.refresh(second) == REVOKED
    assert await two.me(second) == 401
    assert await one.me(second) == 401


async def test_a_lost_reply_is_given_again_by_another_process(worlds: tuple[World, World]) -> None:
    one, two = worlds
    first = await one.sign_in()
    second = await one.rotated(first)

    again = await two.rotated(first)

    assert again["refresh_token"] == second["refresh_token"]
    third = await two.rotated(again)
    assert await one.me(third) == 200


async def test_an_operating_systems_process_ends_them_all(
    database: Database, store: DatabaseSessionStore
) -> None:
    world = build_world(store)
    tokens = [await world.sign_in(), await world.sign_in()]

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", REVOKE, address(database)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()

    assert output == b"2\n"
    for each in tokens:
        assert await world.me(each) == 401
        assert await world.refresh(each) == REVOKED


async def test_the_table_holds_no_token(database: Database, store: DatabaseSessionStore) -> None:
    world = build_world(store)
    first = await world.sign_in()
    second = await world.rotated(first)

    async with database.reading() as db:
        rows = [str(row) for row in (await db.execute(select(LoginSession.__table__))).all()]

    assert len(rows) == 1
    for token in (first["refresh_token"], second["refresh_token"], second["access_token"]):
        assert token not in rows[0]
        assert token.split(".")[2] not in rows[0]


async def test_times_of_another_zone_are_the_same_moments(store: DatabaseSessionStore) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    session = await added(store, last_used_at=there)

    kept = await store.get(session.id)

    assert kept is not None
    assert kept.last_used_at == NOW
    assert kept.last_used_at.utcoffset() == timedelta(0)


async def test_pruning_goes_on_until_nothing_is_left(
    database: Database, store: DatabaseSessionStore
) -> None:
    count = BATCH + 1
    made = session()
    rows = [
        {name: getattr(made, name) for name in Session.__slots__} | {"id": f"{number:032}"}
        for number in range(count)
    ]
    async with database.writing() as db:
        await db.execute(insert(LoginSession), rows)
    live = await added(store, id="f" * 32, idle_expires_at=NOW + IDLE * 2)

    assert await store.prune(now=NOW + IDLE) == count

    async with database.reading() as db:
        assert (await db.scalars(select(LoginSession.id))).all() == [live.id]


async def test_keys_of_the_past_are_pruned_in_passing(
    database: Database, store: DatabaseSessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "KEYS_UNTIL_PRUNING", 3)
    at = [NOW + timedelta(minutes=minute) for minute in range(7)]

    for number, now in enumerate(at):
        assert await store.use_once(f"{number:064}", now=now, until=now + timedelta(seconds=60))

    async with database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(LoginKey)) == 2
    await store.prune(now=at[-1] + timedelta(minutes=1))
    async with database.reading() as db:
        assert await db.scalar(select(func.count()).select_from(LoginKey)) == 0


async def test_a_deadlock_is_tried_again_and_not_forever(
    store: DatabaseSessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await added(store)
    calls = 0
    error = OperationalError("", {}, Exception(1213, "Deadlock found"))

    class Failing:
        def __init__(self, inner: Any, times: int) -> None:
            self.inner, self.times = inner, times

        def writing(self, **given: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls <= self.times:
                raise error
            return self.inner.writing(**given)

    inner = store._database
    monkeypatch.setattr(store, "_database", Failing(inner, ATTEMPTS - 1))
    assert await store.revoke(made.id, now=NOW, reason="x")
    assert calls == ATTEMPTS

    calls = 0
    monkeypatch.setattr(store, "_database", Failing(inner, ATTEMPTS))
    with pytest.raises(NotReady):
        await store.revoke(made.id, now=NOW, reason="x")
    assert calls == ATTEMPTS


async def test_who_gives_up_a_change_leaves_nobody_in_its_middle(
    store: DatabaseSessionStore, database: Database, other: Database
) -> None:
    """The change waits for another process, and its writer's turn lasts as long as it does."""
    made = await added(store)
    begun = select(LoginSession.id).with_for_update()
    async with other.writing() as db:
        await db.execute(begun)
        changing = asyncio.create_task(store.revoke(made.id, now=NOW, reason="x"))
        for _ in range(2):
            await asyncio.sleep(0.1)
            changing.cancel()
        await asyncio.wait([changing], timeout=0.1)
        assert not changing.done()

    await asyncio.wait([changing])
    assert changing.cancelled()
    pool = database.engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert pool.checkedout() == 0
    await store.revoke_all(made.subject, now=NOW, reason="y")
    assert await store.sessions_of(made.subject, now=NOW) == []


async def test_ending_and_rotating_many_at_once_loses_nothing(
    store: DatabaseSessionStore, other: Database
) -> None:
    """Whatever the database locks on the way: at the end all are revoked, and no call failed."""
    clock = Clock()
    world = build_world(store, clock=clock)
    second = DatabaseSessionStore(other)
    tokens = [await world.sign_in() for _ in range(10)]

    await asyncio.gather(
        *(world.refresh(each) for each in tokens),
        *(second.prune(now=clock.now) for _ in range(5)),
        *(world.sign_in("eve") for _ in range(5)),
        *(each.revoke_all("bob", now=clock.now, reason="x") for each in (store, second)),
    )

    await second.revoke_all("bob", now=clock.now, reason="x")
    assert list(await store.sessions_of("bob", now=clock.now)) == []
    assert len(await store.sessions_of("eve", now=clock.now)) == 5


def session(**changes: Any) -> Session:
    made = Session(
        id="0" * 32,
        subject="bob",
        created_at=NOW,
        last_used_at=NOW,
        idle_expires_at=NOW + IDLE,
        expires_at=NOW + IDLE * 3,
        digest="d" * 64,
    )
    return replace(made, **changes)


async def added(store: SessionStore, **changes: Any) -> Session:
    made = session(**changes)
    await store.add(made)
    return made
