"""Keys of requests: taken once, kept with the work, given back when nothing was done."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.idempotency import service
from quartapp.idempotency.models import IdempotencyKey
from quartapp.idempotency.service import Attempt, Kept, KeyReused, StillRunning

KEY, BODY = "k" * 64, "b" * 64


async def begin(database: Database, *, body: str = BODY) -> Attempt | Kept:
    return await service.begin(database, id=KEY, body=body)


async def begun(database: Database) -> Attempt:
    attempt = await begin(database)
    assert isinstance(attempt, Attempt)
    return attempt


async def keep(database: Database, attempt: Attempt) -> None:
    async with database.writing() as db:
        await service.keep(db, attempt, status=201, headers='{"ETag": "x"}', answer="福💥")


async def age(database: Database, **by: float) -> None:
    """Let the key have been taken that long ago."""
    then = now() - timedelta(**by)
    async with database.writing() as db:
        await db.execute(
            update(IdempotencyKey).values(created_at=then, expires_at=then + service.KEPT_FOR)
        )


async def test_an_answer_is_given_again_as_it_was(database: Database) -> None:
    await keep(database, await begun(database))

    assert await begin(database) == Kept(201, '{"ETag": "x"}', "福💥")
    with pytest.raises(KeyReused):
        await begin(database, body="c" * 64)


async def test_of_many_at_once_one_begins(database: Database) -> None:
    results = await asyncio.gather(*(begin(database) for _ in range(20)), return_exceptions=True)

    assert [type(result) for result in results].count(Attempt) == 1
    assert [type(result) for result in results].count(StillRunning) == 19


async def test_a_key_that_is_given_back_can_be_taken_again(database: Database) -> None:
    for _ in range(3):
        await service.release(database, await begun(database))

    await keep(database, await begun(database))


async def test_giving_back_takes_nothing_away_that_is_kept(database: Database) -> None:
    attempt = await begun(database)
    await keep(database, attempt)
    await service.release(database, attempt)

    assert isinstance(await begin(database), Kept)


async def test_many_who_take_and_give_back_at_once_never_fail(database: Database) -> None:
    async def try_it() -> bool:
        try:
            attempt = await begin(database)
        except StillRunning:
            return False
        assert isinstance(attempt, Attempt)
        await service.release(database, attempt)
        return True

    assert any(await asyncio.gather(*(try_it() for _ in range(20))))


async def test_one_that_has_lost_its_process_is_taken_over_by_one(database: Database) -> None:
    lost = await begun(database)
    await age(database, seconds=61)

    results = await asyncio.gather(*(begin(database) for _ in range(5)), return_exceptions=True)

    assert [type(result) for result in results].count(Attempt) == 1
    with pytest.raises(StillRunning):
        await keep(database, lost)
    await service.release(database, lost)
    with pytest.raises(StillRunning):
        await begin(database)


async def test_one_that_runs_for_less_is_not_taken_over(database: Database) -> None:
    await begun(database)
    await age(database, seconds=50)

    with pytest.raises(StillRunning):
        await begin(database)


async def test_after_a_day_a_key_is_as_good_as_new(database: Database) -> None:
    await keep(database, await begun(database))
    await age(database, hours=25)

    assert isinstance(await begin(database, body="c" * 64), Attempt)


async def test_what_has_expired_is_forgotten(database: Database) -> None:
    await keep(database, await begun(database))
    assert await service.prune(database) == 0
    await age(database, hours=25)

    assert await service.prune(database) == 1
    assert await service.prune(database) == 0


def test_no_two_requests_have_the_same_digest() -> None:
    rows = [("a", "b"), ("ab", ""), ("", "ab"), ("a", "b", ""), ("\ud800", "b"), ("a:b",)]

    assert len({service.digest("secret", *row) for row in rows}) == len(rows)
    assert service.digest("secret", "a") != service.digest("other", "a")
    assert len(service.digest("secret")) == 64
