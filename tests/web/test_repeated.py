"""A transaction that gave way is done again: itself, and nothing that came before it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.audit.models import AuditEntry
from quartapp.db import retry
from quartapp.db.database import Database
from quartapp.testing import MakeUser, User, api_client_for, sign_in
from quartapp.web.login import app_passwords

NEW = "correct horse battery"


@pytest.fixture
def backend() -> str:
    """What is looked at here is the same on each."""
    return "sqlite"


class Counted:
    """What was done since `start`: transactions that gave way or not, and runs of Argon2."""

    def __init__(self, app: Quart, database: Database, patch: pytest.MonkeyPatch) -> None:
        self.transactions = self.hashes = 0
        self._writing, self._hash = database.writing, app_passwords(app).hash
        patch.setattr(retry, "PAUSE", 0)
        patch.setattr(database, "writing", self.writing)
        patch.setattr(app_passwords(app), "hash", self.hash)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """The first one does its work, and meets a deadlock."""
        self.transactions += 1
        gives_way = self.transactions == 1
        async with self._writing() as db:
            yield db
            if gives_way:
                raise OperationalError("COMMIT", {}, Exception(1213, "Deadlock found"))

    async def hash(self, password: str, **options: Any) -> str:
        """As ever."""
        self.hashes += 1
        return await self._hash(password, **options)


@pytest.fixture
async def boss(make_user: MakeUser) -> User:
    """An admin."""
    return await make_user(username="boss", admin=True)


@pytest.fixture
async def bob(make_user: MakeUser) -> User:
    """Somebody else."""
    return await make_user(username="bob")


async def actions(database: Database) -> Counter[str]:
    async with database.reading() as db:
        return Counter(await db.scalars(select(AuditEntry.action)))


async def test_a_program_that_makes_an_account_costs_one_hash(
    app: Quart, database: Database, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = await api_client_for(app, boss)
    counted = Counted(app, database, monkeypatch)

    answer = await client.post("/api/v1/people", json={"username": "ann", "password": NEW})

    assert (answer.status_code, counted.transactions, counted.hashes) == (201, 2, 1)
    assert (await actions(database))["account.created"] == 2  # the admin's own is the other


async def test_a_program_that_changes_a_password_costs_one_hash(
    app: Quart, database: Database, boss: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = await api_client_for(app, boss)
    counted = Counted(app, database, monkeypatch)

    change = {"password": NEW, "admin": True}
    answer = await client.patch(f"/api/v1/people/{bob.id}", json=change)

    assert (answer.status_code, counted.transactions, counted.hashes) == (200, 2, 1)
    assert (await answer.get_json())["admin"] is True
    done = await actions(database)
    assert (done["account.password"], done["account.admin"]) == (1, 1)


@pytest.mark.parametrize(
    ("path", "form", "hashes"),
    [
        ("/people", {"username": "ann", "password": NEW}, 1),
        ("/people/{bob}/password", {"password": NEW}, 1),
        ("/people/{bob}/admin", {"admin": "on"}, 0),
        ("/people/{bob}/disable", {}, 0),
        ("/houses/new", {"id": "h1", "project_name": "x"}, 0),
    ],
)
async def test_a_page_goes_on_when_its_transaction_gave_way(
    path: str,
    form: dict[str, str],
    hashes: int,
    app: Quart,
    database: Database,
    boss: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = await sign_in(app, boss)
    counted = Counted(app, database, monkeypatch)

    answer = await browser.post(path.format(bob=bob.id), form=form)

    assert (answer.status_code, counted.transactions, counted.hashes) == (303, 2, hashes)


async def test_no_view_is_repeated_as_a_whole(app: Quart) -> None:
    whole = {
        name
        for name, view in app.view_functions.items()
        if "@retried" in inspect.getsource(inspect.unwrap(view)).partition("async def")[0]
    }
    assert whole == set()
