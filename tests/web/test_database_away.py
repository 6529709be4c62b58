"""A database that is away: 503 with Retry-After, never a failure, and back when it is."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart
from sqlalchemy import text

from quartapp.accounts.passwords import Passwords
from quartapp.app import create_app
from quartapp.core.errors import NotReady
from quartapp.db import database as database_module
from quartapp.db import engine
from quartapp.db.database import Database
from quartapp.settings import load_settings
from quartapp.testing import (
    PASSWORD,
    SECRET,
    ApiClient,
    api_client_for,
    new_user,
    sign_in,
    temporary_app,
)
from quartapp.web.db import app_database
from tests.servers import MariaDB
from tests.web.wire import multipart

FORM = {"username": "admin", "password": "123456"}
PATIENCE = 0.3  # seconds, in place of the real limits
AT_ONCE = 4  # connections of the pool


def nobody_there() -> str:
    """The address of a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"mysql+aiomysql://root:x@127.0.0.1:{found.getsockname()[1]}/none"


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", "/lessons/houses-list/", {}),
        ("POST", "/lessons/houses-page/", {"json": {}}),
        ("POST", "/lessons/login-db/login", {"form": FORM}),
        ("POST", "/lessons/jwt/login", {"form": FORM}),
        ("GET", "/lessons/restful/user/1", {}),
        ("DELETE", "/lessons/restful/user/1", {}),
    ],
)
async def test_a_database_that_does_not_answer_is_503(
    method: str, path: str, sent: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {"secret_key": SECRET, "jwt_secret_key": SECRET, "database_url": nobody_there()}
    folder = await asyncio.to_thread(tmp_path_factory.mktemp, "instance")
    made = load_settings(_env_file=None, instance_path=folder, **settings)
    app = create_app(made)
    async with app.test_app():
        ask = getattr(app.test_client(), method.lower())
        answer = await ask(path, **sent)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await answer.get_json())["code"] == "not-ready"


async def test_tables_that_are_not_there_are_503() -> None:
    async with temporary_app() as app:
        async with app_database(app).writing() as db:
            await (await db.connection()).exec_driver_sql("DROP TABLE base_house")
        answer = await app.test_client().get("/lessons/houses-list/")
        assert answer.status_code == 503


async def test_a_login_gives_its_connection_back_before_it_hashes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with temporary_app() as app:
        pool = app_database(app).engine.pool
        held = []

        async def hash_and_look(_self: Passwords, _password: str) -> str:
            held.append(pool.checkedout())  # type: ignore[attr-defined]
            return "x"

        monkeypatch.setattr(Passwords, "hash", hash_and_look)
        answer = await app.test_client().post("/lessons/jwt/login", form=FORM)
        assert answer.status_code == 401
        assert held == [0]


@dataclass(frozen=True)
class House:
    """An application on a database of its own, and who uses it."""

    app: Quart
    name: str
    browser: Any
    api: ApiClient

    @property
    def database(self) -> Database:
        return app_database(self.app)

    async def ask_all(
        self, number: int, *, at_once: bool = False
    ) -> dict[str, tuple[int, str | None]]:
        """Send each kind of request; status and Retry-After of each."""
        content_type, form = multipart(("file", "a.txt", b"text"))
        header = b"id,project_no,project_name,project_address\n"
        csv_type, csv = multipart(("file", "a.csv", header))
        upload = {"data": form, "headers": {"Content-Type": content_type}}
        sent_csv = {"data": csv, "headers": {"Content-Type": csv_type}}
        who = {"username": self.name, "password": PASSWORD}
        one, stranger = f"h{number}", self.app.test_client
        requests = {
            "page": self.browser.get("/houses"),
            "house": self.browser.get("/house/1"),
            "overview": self.browser.get("/overview"),
            "form": self.browser.post("/houses/new", form={"project_name": "x"}),
            "delete": self.browser.post("/house/2/delete", form={"seen": ""}),
            "upload": self.browser.post("/house/1/files", **upload),
            "import": self.browser.post("/houses/import", **sent_csv),
            "sign-in": stranger().post("/login", form=who),
            "api list": self.api.get("/api/v1/houses"),
            "api me": self.api.get("/api/v1/me"),
            "api create": self.api.post("/api/v1/houses", json={"id": one}),
            "api create once": self.api.post(
                "/api/v1/houses", json={"id": f"{one}-once"}, headers={"Idempotency-Key": one}
            ),
            "api upload": self.api.post("/api/v1/houses/1/files?name=a.txt", data=b"text"),
            "api import": self.api.post(
                "/api/v1/houses.csv", data=b"id\n", headers={"Content-Type": "text/csv"}
            ),
            "api sign-in": stranger().post("/api/v1/auth/sign-in", json=who),
            "lesson": stranger().get("/lessons/houses-list/"),
            "lesson create": stranger().post("/lessons/restful/user", json=_lesson(one)),
            "lesson login": stranger().post("/lessons/jwt/login", form=who),
        }
        if at_once:
            answers = await asyncio.gather(*requests.values())
        else:
            answers = [await each for each in requests.values()]
        return {
            what: (answer.status_code, answer.headers.get("Retry-After"))
            for what, answer in zip(requests, answers, strict=True)
        }

    async def is_ready(self) -> bool:
        answer = await self.app.test_client().get("/readyz")
        return bool(answer.status_code == 200)

    async def until_ready(self) -> None:
        while not await self.is_ready():  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.05)


def _lesson(id: str) -> dict[str, str]:
    return {"id": f"{id}-lesson", "projectNo": "", "projectName": "", "projectAddress": ""}


@pytest_asyncio.fixture
async def house(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house with small limits; every connection of its pool was used before."""
    for module in (engine, database_module):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", PATIENCE)
        monkeypatch.setattr(module, "POOL_TIMEOUT", PATIENCE)
        monkeypatch.setattr(module, "POOL_SIZE", AT_ONCE)
    monkeypatch.setattr(database_module, "TRANSACTION_TIMEOUT", 3 * PATIENCE)
    async with temporary_app(database_url=mysql_url) as app:
        user = await new_user(app, admin=True)
        made = House(app, user.username, await sign_in(app, user), await api_client_for(app, user))
        async with hold_all(made.database), made.database.engine.connect():
            pass
        yield made


@asynccontextmanager
async def hold_all(database: Database, but: int = 1) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(AT_ONCE - but):
            db = await stack.enter_async_context(database.reading(limit=None))
            await db.execute(text("SELECT 1"))
        yield


@asynccontextmanager
async def all_connections_in_use(house: House, _server: MariaDB) -> AsyncIterator[None]:
    async with hold_all(house.database, but=0):
        yield


@asynccontextmanager
async def too_many_connections(house: House, server: MariaDB) -> AsyncIterator[None]:
    await house.database.engine.dispose()
    others = [server.connect() for _ in range(11)]  # for an administrator it has one more
    others[0].cursor().execute("SET GLOBAL max_connections = 10")
    try:
        yield
    finally:
        others[0].cursor().execute("SET GLOBAL max_connections = 120")
        for other in others:
            other.close()


@asynccontextmanager
async def stopped(_house: House, server: MariaDB) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


@asynccontextmanager
async def hanging(_house: House, server: MariaDB) -> AsyncIterator[None]:
    with server.silent():
        yield


@pytest.mark.parametrize("fault", [all_connections_in_use, too_many_connections, stopped, hanging])
async def test_whatever_is_asked_meanwhile_is_503_and_all_is_well_again_at_once(
    house: House,
    mysql_server: MariaDB,
    fault: Callable[[House, MariaDB], AbstractAsyncContextManager[None]],
) -> None:
    async with fault(house, mysql_server):
        began = time.monotonic()
        answers = await house.ask_all(1, at_once=True)
        took = time.monotonic() - began
        assert not await house.is_ready()

    assert {what: told for what, told in answers.items() if told != (503, "2")} == {}
    assert took < 20  # of the real limits it would be two minutes
    assert {w: s for w, (s, _) in (await house.ask_all(2)).items() if s >= 500} == {}
    await asyncio.wait_for(house.until_ready(), 2)


async def test_a_server_that_falls_silent_at_the_end_of_a_transaction_holds_nobody(
    house: House, mysql_server: MariaDB
) -> None:
    async def read() -> None:
        async with AsyncExitStack() as stack:
            db = await stack.enter_async_context(house.database.reading())
            await db.execute(text("SELECT 1"))
            await stop.enter_async_context(hanging(house, mysql_server))

    async with AsyncExitStack() as stop:
        with pytest.raises(NotReady):
            await asyncio.wait_for(read(), 10)

    await asyncio.wait_for(house.until_ready(), 2)
