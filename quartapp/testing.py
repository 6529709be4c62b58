"""What a pytest-asyncio suite needs: applications on throwaway databases, accounts, clients.

As a plugin (`pytest_plugins = ["quartapp.testing"]`) it brings the fixtures `app`, `make_user`,
`user`, `browser` and `api_client`; a suite may put an `app` of its own in place of this one.
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
from quart.testing import QuartClient
from quart.typing import TestClientProtocol
from werkzeug.datastructures import Headers

from quartapp.accounts import service as accounts
from quartapp.app import create_app
from quartapp.audit.service import Actor
from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.settings import Settings, load_settings
from quartapp.web.db import app_database
from quartapp.web.login import app_passwords

SECRET = "for tests only, and long enough to sign with"  # noqa: S105

PASSWORD = "123456"  # noqa: S105

BY = Actor(None, "test")


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
        given = _settings(folder) | {"database_url": database_url} | settings
        app = create_app(load_settings(_env_file=None, **given), lesson=lesson, migrate=False)
        if database_url:
            await migrate.upgrade(app_database(app))
        else:
            shutil.copy(await migrated_file(), folder / "quartapp.db")
        async with app.test_app():
            yield app
    finally:
        shutil.rmtree(folder)


def _settings(folder: Path) -> dict[str, Any]:
    """Every setting: what the environment says to a server is nothing to a test."""
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    return defaults | {
        "instance_path": folder,
        "upload_folder": folder / "upload",
        "jwt_keys_file": folder / "jwt_keys.json",
        "secret_key": SECRET,
        "jwt_secret_key": SECRET[::-1],
        # As little as Argon2 allows: a test signs in often, and nobody guesses its passwords.
        "password_time_cost": 1,
        "password_memory_kib": 1024,
    }


async def new_user(
    app: Quart, *, username: str = "", password: str = PASSWORD, admin: bool = False
) -> User:
    """An account in the application's database; a name is made up where none is given."""
    username = username or f"user-{uuid4().hex[:12]}"
    password_hash = await app_passwords(app).hash(password)
    async with app_database(app).writing() as db:
        account = await accounts.create(
            db, username=username, password_hash=password_hash, is_admin=admin, by=BY
        )
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
    """Makes accounts: `await make_user()`, or with `username=`, `password=` and `admin=True`."""

    async def make(**values: Any) -> User:
        return await new_user(app, **values)

    return make


class ApiClient(QuartClient):
    """A client that sends an access token with every request, and keeps no cookies."""

    def __init__(self, app: Quart, token: str) -> None:
        super().__init__(app, use_cookies=False)
        self.token = token

    async def open(self, path: str, *, headers: Any = None, **request: Any) -> Any:
        """Send a request; headers of its own win over the token."""
        sent = Headers(headers or {})
        sent.setdefault("Authorization", f"Bearer {self.token}")
        return await super().open(path, headers=sent, **request)


async def sign_in(app: Quart, user: User) -> TestClientProtocol:
    """A client that keeps cookies, signed in as `user`.

    Through the site's form; a lesson that stands alone has its own.
    """
    client = app.test_client()
    if "sign_in.login" in app.view_functions:
        await _log_in(app, client, "sign_in.login", user, expected=303)
    else:
        await _log_in(app, client, "login_db.login", user, expected=302)
    return client


async def api_client_for(app: Quart, user: User) -> ApiClient:
    """A client that holds an access token of `user`.

    Of the API; where the lesson `jwt` stands alone, of that.
    """
    endpoint = "api.auth.sign_in" if "api" in app.blueprints else "jwt.login"
    answer = await _log_in(app, app.test_client(), endpoint, user, expected=200)
    return ApiClient(app, (await answer.get_json())["access_token"])


async def _log_in(
    app: Quart, client: TestClientProtocol, endpoint: str, user: User, *, expected: int
) -> Any:
    address = next(app.url_map.iter_rules(endpoint)).rule
    form = {"username": user.username, "password": user.password}
    answer = await client.post(address, form=form)
    if answer.status_code != expected:
        raise AssertionError(f"{user.username} could not sign in: {answer.status}")
    return answer


@pytest_asyncio.fixture
async def user(make_user: MakeUser) -> User:
    """An account; `browser` and `api_client` are signed in as it."""
    return await make_user()


@pytest_asyncio.fixture
async def browser(app: Quart, user: User) -> TestClientProtocol:
    """A client that keeps cookies, signed in as `user`."""
    return await sign_in(app, user)


@pytest_asyncio.fixture
async def api_client(app: Quart, user: User) -> ApiClient:
    """A client that holds an access token of `user`."""
    return await api_client_for(app, user)
