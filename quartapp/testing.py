"""What a pytest-asyncio suite needs: applications on throwaway databases, accounts, clients.

As a plugin (`pytest_plugins = ["quartapp.testing"]`) it brings the fixtures `app`, `make_user`,
`browser` and `api_client`; an application made otherwise can be put in place of `app`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from quart import Quart
from quart.typing import TestClientProtocol

from quartapp.accounts import service as accounts
from quartapp.app import create_app
from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.settings import load_settings
from quartapp.web.db import app_database
from quartapp.web.login import app_passwords

SECRET = "for tests only, and long enough to sign with"  # noqa: S105

PASSWORD = "123456"  # noqa: S105


@dataclass(frozen=True)
class User:
    """An account and the password that it was made with."""

    id: int
    username: str
    password: str


MakeUser = Callable[..., Awaitable[User]]


@asynccontextmanager
async def temporary_app(
    *, lesson: str | None = None, database_url: str = "", **settings: Any
) -> AsyncIterator[Quart]:
    """An application on a migrated, empty database that is gone afterwards.

    With `lesson` that one alone at `/`. `database_url` names another database, which must be
    empty; it is migrated and stays. `settings` are those of quartapp.settings, by their names.
    """
    folder = Path(tempfile.mkdtemp(prefix="quartapp-"))
    try:
        given = {"secret_key": SECRET, "jwt_secret_key": SECRET[::-1], "env": "development"}
        given |= {"instance_path": folder, "database_url": database_url} | settings
        app = create_app(load_settings(_env_file=None, **given), lesson=lesson)
        if database_url:
            await migrate.upgrade(app_database(app))
        else:
            shutil.copy(await migrated_file(), folder / "quartapp.db")
        async with app.test_app():
            yield app
    finally:
        shutil.rmtree(folder)


async def new_user(app: Quart, *, username: str = "", password: str = PASSWORD) -> User:
    """An account in the application's database; a name is made up where none is given."""
    username = username or f"user-{uuid4().hex[:12]}"
    password_hash = await app_passwords(app).hash(password)
    async with app_database(app).writing() as db:
        account = await accounts.create(db, username=username, password_hash=password_hash)
    return User(account.id, username, password)


@cache
def _folder_of_migrated_file() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="quartapp-migrated-")


async def migrated_file() -> Path:
    """An empty, migrated SQLite database, made once a process to be copied."""
    path = Path(_folder_of_migrated_file().name) / "quartapp.db"
    if not path.exists():
        database = Database(f"sqlite+aiosqlite:///{path}")
        await migrate.upgrade(database)
        await database.close()
    return path


@pytest_asyncio.fixture
async def app() -> AsyncIterator[Quart]:
    """An application on a throwaway SQLite database, with the lessons."""
    async with temporary_app() as made:
        yield made


@pytest.fixture
def make_user(app: Quart) -> MakeUser:
    """Makes accounts: `await make_user()`, or with `username=` and `password=`."""

    async def make(**values: str) -> User:
        return await new_user(app, **values)

    return make


@asynccontextmanager
async def signed_in_browser(app: Quart, user: User) -> AsyncIterator[TestClientProtocol]:
    """A client that keeps cookies, signed in as `user` through the login form."""
    client = app.test_client()
    answer = await client.post(
        "/lessons/login-db/login", form={"username": user.username, "password": user.password}
    )
    assert answer.status_code == 302, f"{user.username} could not sign in"  # noqa: S101
    yield client


async def access_token(app: Quart, user: User) -> str:
    """An access token for `user`, from the API's login."""
    answer = await app.test_client().post(
        "/lessons/jwt/login", form={"username": user.username, "password": user.password}
    )
    assert answer.status_code == 200, f"{user.username} could not sign in"  # noqa: S101
    return str((await answer.get_json())["access_token"])
