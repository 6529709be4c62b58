"""A database that is away: 503 with Retry-After, never a failure, and back when it is."""

from __future__ import annotations

import asyncio
import socket

import pytest

from quartapp.accounts.passwords import Passwords
from quartapp.app import create_app
from quartapp.settings import load_settings
from quartapp.testing import SECRET, temporary_app
from quartapp.web.db import app_database

FORM = {"username": "admin", "password": "123456"}


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
