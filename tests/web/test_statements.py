"""How many SQL statements a request costs: a number that nobody raises without noticing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart
from sqlalchemy import event, insert

from quartapp.db.database import Database
from quartapp.houses.models import House
from quartapp.testing import PASSWORD, ApiClient, User, api_client_for, new_user, sign_in

BACKENDS = ["sqlite", "mysql"]
AROUND = ("SAVEPOINT", "RELEASE")  # what a transaction is made of, not what it asks

Client = Any

# Who asks for what, and the statements of it. A page asks first who is signed in, the API whether
# the session of the token is live and the account still there.
PAGES = {
    "/houses": 3,
    "/houses?page=2": 3,
    "/houses?q=h1&match=prefix": 3,
    "/houses/new": 1,
    "/house/h1": 6,
    "/house/h1/edit": 2,
    "/overview": 8,
    "/people": 3,
    "/account": 2,
}
API = {
    "/api/v1/houses": 3,
    "/api/v1/houses?cursor=": 3,
    "/api/v1/houses?sort=projectName&page=2": 3,
    "/api/v1/houses/h1": 2,
    "/api/v1/me": 2,
    "/api/v1/people": 3,
    "/api/v1/people?cursor=": 3,
    "/api/v1/people?page=2": 2,
}
LESSONS = {"/lessons/hello/flask": 0, "/lessons/houses-list/": 1}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on; it runs once on each."""
    return str(request.param)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that go to a database meanwhile."""
    seen: list[str] = []

    def see(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(AROUND):
            seen.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", see)


@pytest_asyncio.fixture
async def admin(app: Quart, database: Database) -> AsyncIterator[User]:
    async with database.writing() as db:
        rows = [{"id": f"h{number}", "project_name": f"n{number % 7}"} for number in range(50)]
        await db.execute(insert(House), rows)
    yield await new_user(app, admin=True)


async def costs(database: Database, client: Client, paths: dict[str, int]) -> dict[str, int]:
    found = {}
    for path in paths:
        with counted(database) as statements:
            answer = await client.get(path)
            await answer.get_data()
        assert answer.status_code == 200, path
        found[path] = len(statements)
    return found


async def test_a_page_costs_no_more(app: Quart, admin: User, database: Database) -> None:
    assert await costs(database, await sign_in(app, admin), PAGES) == PAGES


async def test_a_question_to_the_api_costs_no_more(
    app: Quart, admin: User, database: Database
) -> None:
    assert await costs(database, await api_client_for(app, admin), API) == API


async def test_a_lesson_costs_no_more(app: Quart, admin: User, database: Database) -> None:
    assert await costs(database, app.test_client(), LESSONS) == LESSONS


async def test_a_longer_list_costs_no_more(app: Quart, admin: User, database: Database) -> None:
    client: ApiClient = await api_client_for(app, admin)
    few = await costs(database, client, {"/api/v1/houses?size=1": 0})
    many = await costs(database, client, {"/api/v1/houses?size=50": 0})
    assert list(few.values()) == list(many.values())


async def test_signing_in_and_refreshing_cost_no_more(
    app: Quart, admin: User, database: Database
) -> None:
    who = {"username": admin.username, "password": PASSWORD}
    client: Client = app.test_client()
    with counted(database) as statements:
        answer = await client.post("/api/v1/auth/sign-in", json=who)
    tokens = await answer.get_json()
    assert (answer.status_code, len(statements)) == (200, 3)

    bearer = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    with counted(database) as statements:
        answer = await client.post("/api/v1/auth/refresh", headers=bearer)
    assert (answer.status_code, len(statements)) == (200, 5)

    with counted(database) as statements:
        answer = await client.post("/login", form=who)
    assert (answer.status_code, len(statements)) == (303, 3)


async def test_a_change_costs_no_more(app: Quart, admin: User, database: Database) -> None:
    client: Client = await api_client_for(app, admin)
    found = {}
    for name, ask in (
        ("create", client.post("/api/v1/houses", json={"id": "new"})),
        ("change", client.patch("/api/v1/houses/new", json={"projectName": "x"})),
        ("delete", client.delete("/api/v1/houses/new")),
    ):
        with counted(database) as statements:
            answer = await ask
        assert answer.status_code < 300, name
        found[name] = len(statements)
    assert found == {"create": 4, "change": 7, "delete": 7}
