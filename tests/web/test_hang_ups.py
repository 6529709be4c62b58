"""Clients that hang up while their page is made: those who stay read their own rows."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import insert

from quartapp.db.database import Database
from quartapp.houses.models import House
from quartapp.testing import MakeUser, sign_in
from tests.web.house_of_files import cookie_of
from tests.web.wire import Heard, speak

SEED = 20261
PEOPLE = 4
VISITS = 80
MOMENTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # seconds after which a client goes

Visit = Callable[[float | None], Awaitable[Heard]]


@pytest.fixture(params=["sqlite", "mysql"])
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on; it runs once on each."""
    return str(request.param)


def gone_after(app: Quart, seconds: float) -> Any:
    """The application as somebody asks it who hangs up after that time."""

    async def ask(scope: Any, receive: Any, send: Any) -> None:
        end = asyncio.get_running_loop().time() + seconds

        async def until_the_end() -> Any:
            try:
                async with asyncio.timeout_at(end):
                    return await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}

        await app(scope, until_the_end, send)

    return ask


async def test_who_stays_reads_their_own_rows(
    app: Quart, database: Database, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that each is cancelled where it stands.
    monkeypatch.setattr("quartapp.web.client.PATIENCE", 0)
    people = [await make_user(username=f"person-{n}") for n in range(PEOPLE)]
    async with database.writing() as db:
        rows = [
            {"id": f"{who.username}-{n}", "project_name": who.username}
            for who in people
            for n in range(3)
        ]
        await db.execute(insert(House), rows)
    cookies = [cookie_of(await sign_in(app, who)) for who in people]  # type: ignore[arg-type]
    chance = random.Random(SEED)  # noqa: S311 - to be repeated, not secret

    async def visit(number: int, leaves: float | None) -> Heard:
        await asyncio.sleep(number * 0.002)
        whose = number % PEOPLE
        heard = await speak(
            app if leaves is None else gone_after(app, leaves),
            "/houses",
            [],
            content_type="text/plain",
            method="GET",
            sent=[cookies[whose]],
            query=f"q={people[whose].username}&match=exact".encode(),
        )
        if leaves is None or heard.status:
            assert heard.status == 200
            read = re.findall(rb"person-\d-\d", heard.body)
            mine = {f"{people[whose].username}-{n}".encode() for n in range(3)}
            assert set(read) == mine
            assert {*re.findall(rb"person-\d", heard.body)} == {people[whose].username.encode()}
        return heard

    leaving = [chance.choice(MOMENTS) if chance.random() < 0.6 else None for _ in range(VISITS)]
    heard = await asyncio.gather(*(visit(n, leaves) for n, leaves in enumerate(leaving)))

    assert 0 < [each.status for each in heard].count(0) <= VISITS - leaving.count(None)
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    for number in range(PEOPLE):
        await visit(number, None)
