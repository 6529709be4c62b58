"""What every test may ask for, and what must be true after each."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from quart import Quart
from sqlalchemy import Pool, event

from quartapp.app import METADATA
from quartapp.db.database import Database
from quartapp.serve import garbage
from quartapp.web.db import app_database
from tests.blocking import no_blocking_calls
from tests.logged import Logged
from tests.reached import Reached
from tests.servers import MariaDB, Redis, find_mariadb, find_redis, mariadb, missing, redis

pytest_plugins = ["quartapp.testing"]

BACKENDS = ["sqlite", "mysql"]
GRACE = 2.0  # seconds in which what a test began may come to its end

_checked_out: set[int] = set()
lasting: set[asyncio.Task[Any]] = set()  # tasks of fixtures that live as long as the run


def pytest_configure(config: pytest.Config) -> None:
    """Ask at the end which routes were reached, and whether a secret was logged."""
    config.pluginmanager.register(Reached(config))
    config.pluginmanager.register(Logged(config))


@event.listens_for(Pool, "checkout")
def _taken(_connection: object, record: object, _proxy: object) -> None:
    _checked_out.add(id(record))


@event.listens_for(Pool, "checkin")
def _given_back(_connection: object, record: object) -> None:
    _checked_out.discard(id(record))


@pytest.fixture(scope="session", autouse=True)
def _no_blocking_calls() -> Iterator[None]:
    """Nothing of ours blocks the event loop."""
    with no_blocking_calls():
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_searches_for_garbage() -> Iterator[None]:
    """As in a serving process. A search through all that pytest has loaded takes a second.

    That is longer than the limits that some tests set to a server's answer.
    """
    garbage.look_seldom()
    yield
    gc.unfreeze()  # pytest's own last search goes through all


@pytest.fixture(scope="module", autouse=True)
def _nothing_unclosed() -> Iterator[None]:
    """What a module has forgotten to close is found while its name is still known."""
    yield
    gc.collect()
    gc.freeze()  # what has stayed is not looked at again


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[MariaDB]:
    """The MariaDB of this run. A test that stops it must start it again."""
    binary = find_mariadb()
    if binary is None:
        missing("mysql")
    with mariadb(binary) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """The Redis of this run. A test that stops it must start it again."""
    binary = find_redis()
    if binary is None:
        missing("redis")
    with redis(binary) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Redis) -> Iterator[str]:
    """The address of a Redis that holds nothing."""
    yield redis_server.url
    redis_server.ask("FLUSHALL")


@pytest.fixture
def mysql_url(mysql_server: MariaDB) -> Iterator[str]:
    """The address of a fresh, empty database on the server."""
    name = f"test_{uuid4().hex[:12]}"
    # The tutorial's servers have another character set by default.
    mysql_server.run(f"CREATE DATABASE {name} CHARACTER SET latin1")
    yield mysql_server.url(name)
    mysql_server.run(f"DROP DATABASE {name}")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on; it runs once on each."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that holds nothing, not even tables."""
    if backend == "mysql":
        return str(request.getfixturevalue("mysql_url"))
    return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"


@pytest_asyncio.fixture
async def empty_database(empty_url: str) -> AsyncIterator[Database]:
    """A database that holds nothing, not even tables."""
    database = Database(empty_url)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session")
async def _apps() -> AsyncIterator[tuple[dict[str, Quart], AsyncExitStack]]:
    """The applications made so far, and what ends them after the last test."""
    async with AsyncExitStack() as stack:
        yield {}, stack


@pytest_asyncio.fixture
async def app(
    backend: str,
    _apps: tuple[dict[str, Quart], AsyncExitStack],
    request: pytest.FixtureRequest,
) -> AsyncIterator[Quart]:
    """The application, with the lessons, on an empty database; one for all tests of a backend.

    A test that changes the application itself makes its own by temporary_app.
    """
    from quartapp.testing import temporary_app  # pytest wants to be the first to import a plugin

    apps, stack = _apps
    if backend not in apps:
        before = asyncio.all_tasks()
        apps[backend] = await stack.enter_async_context(
            temporary_app(database_url=_url_of_the_run(backend, request))
        )
        lasting.update(asyncio.all_tasks() - before)
    made = apps[backend]
    yield made
    async with app_database(made).writing() as db:
        for table in reversed(METADATA.sorted_tables):
            await db.execute(table.delete())
    for folder in ("UPLOAD_FOLDER", "FILES_FOLDER"):
        await asyncio.to_thread(shutil.rmtree, made.config[folder], ignore_errors=True)


@pytest.fixture
def database(app: Quart) -> Database:
    """The application's database: migrated, empty."""
    return app_database(app)


@pytest_asyncio.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """After each test: no connection is checked out, and no task goes on."""
    before = asyncio.all_tasks()
    yield
    deadline = asyncio.get_running_loop().time() + GRACE
    while asyncio.get_running_loop().time() < deadline:
        if not _checked_out and not _strays(before):
            return
        await asyncio.sleep(0.01)
    count = len(_checked_out)
    _checked_out.clear()
    assert not count, f"{count} database connections are still checked out"
    assert not _strays(before)


def _strays(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    mine = asyncio.current_task()
    return {task for task in asyncio.all_tasks() - before - lasting if task is not mine}


def _url_of_the_run(backend: str, request: pytest.FixtureRequest) -> str:
    if backend == "sqlite":
        return ""
    server: MariaDB = request.getfixturevalue("mysql_server")
    server.run("CREATE DATABASE tests CHARACTER SET latin1")
    return server.url("tests")
