"""Each lesson is whole in itself: a blueprint that works in a bare application, anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from quart import Quart

from quartapp.accounts.passwords import Passwords
from quartapp.db.database import Database
from quartapp.testing import PASSWORD, migrated_file, new_user
from quartapp.web.db import use_database
from quartapp.web.lessons import LESSONS
from quartapp.web.login import use_passwords

if TYPE_CHECKING:  # pytest takes it for a class of tests
    from quart.typing import TestClientProtocol

ROOT = "/x/y"
LOGIN = {"user": "admin", "username": "admin", "password": PASSWORD}

# A request to each lesson, and what the answer holds.
GREETINGS = {
    "hello": ("GET", "/flask", "Hello Flask"),
    "converters": ("GET", "/ints/7", "整数为 7"),
    "redirects": ("GET", "/user/Zoë", f"{ROOT}/guest/Zo%C3%AB"),
    "methods": ("PUT", "/put_request", "PUT请求"),
    "login-json": ("GET", "/", "欢迎来到主页"),
    "login-form": ("GET", "/", f'action="{ROOT}/login"'),
    "variables": ("GET", "/", "Hello Word"),
    "static-files": ("GET", "/", f'src="{ROOT}/static/static.js"'),
    "request-form": ("POST", "/result", "admin"),
    "cookies": ("GET", "/set_cookie", "set success"),
    "session": ("POST", "/login", f"{ROOT}/"),
    "errors": ("POST", "/login", f"{ROOT}/"),
    "flash": ("POST", "/login", f"{ROOT}/"),
    "upload": ("GET", "/upload", f'action="{ROOT}/uploader"'),
    "houses-list": ("GET", "/", "users"),
    "houses-page": ("POST", "/", "total_pages"),
    "login-db": ("POST", "/login", f"{ROOT}/dashboard"),
    "jwt": ("POST", "/login", "access_token"),
    "jwt-refresh": ("POST", "/login", "refresh_token"),
    "restful": ("GET", "/user/none", "House not found"),
}


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Quart]:
    """An application that knows nothing of quartapp but its database."""
    app = Quart("bare", root_path=str(tmp_path))
    app.secret_key = "a key of the application that the lesson is a guest in"
    app.config["UPLOAD_FOLDER"] = str(tmp_path / "files")
    (tmp_path / "copy.db").write_bytes((await migrated_file()).read_bytes())
    database, passwords = Database(f"sqlite+aiosqlite:///{tmp_path / 'copy.db'}"), Passwords()
    use_database(app, database)
    use_passwords(app, passwords)
    await new_user(app, username="admin")
    yield app
    passwords.close()
    await database.close()


async def ask(client: TestClientProtocol, lesson: str) -> str:
    method, path, _ = GREETINGS[lesson]
    if method == "POST" and lesson == "houses-page":
        answer = await client.post(ROOT + path, json={})
    elif method == "POST":
        answer = await client.post(ROOT + path, form=LOGIN)
    else:
        answer = await getattr(client, method.lower())(ROOT + path)
    assert answer.status_code < 500
    return f"{answer.headers.get('Location', '')} {await answer.get_data(as_text=True)}"


@pytest.mark.parametrize("lesson", LESSONS)
async def test_a_lesson_works_in_a_bare_application_under_any_prefix(
    lesson: str, bare: Quart
) -> None:
    bare.register_blueprint(LESSONS[lesson].blueprint, url_prefix=ROOT)
    assert GREETINGS[lesson][2] in await ask(bare.test_client(), lesson)


async def test_all_lessons_live_together_in_a_bare_application(bare: Quart) -> None:
    for name, lesson in LESSONS.items():
        bare.register_blueprint(lesson.blueprint, url_prefix=f"/{name}")
    client = bare.test_client()
    await client.post("/session/login", form=LOGIN)
    await client.post("/flash/login", form=LOGIN)
    paths = {(cookie.name, cookie.path) for cookie in client.cookie_jar or ()}
    assert paths == {("session", "/session"), ("session", "/flash")}
    assert "暂未登录" in await (await client.get("/errors/")).get_data(as_text=True)


@pytest.mark.parametrize("lesson", ["session", "errors", "flash"])
async def test_a_session_cookie_has_the_lessons_root_as_its_path(lesson: str, bare: Quart) -> None:
    bare.register_blueprint(LESSONS[lesson].blueprint, url_prefix=ROOT)
    answer = await bare.test_client().post(f"{ROOT}/login", form=LOGIN)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("session=")
    assert "HttpOnly" in cookie
    assert f"Path={ROOT}" in cookie.split("; ")
    assert "Max-Age" not in cookie


async def test_a_lesson_leaves_the_sessions_of_its_host_alone(bare: Quart) -> None:
    from quart import session

    @bare.get("/count")
    async def count() -> str:
        session["n"] = session.get("n", 0) + 1
        return str(session["n"])

    bare.register_blueprint(LESSONS["session"].blueprint, url_prefix=ROOT)
    client = bare.test_client()
    await client.get("/count")
    await client.post(f"{ROOT}/login", form=LOGIN)
    assert await (await client.get("/count")).get_data(as_text=True) == "2"
    assert "登录用户名是:admin" in await (await client.get(f"{ROOT}/")).get_data(as_text=True)


@pytest.mark.parametrize("key", ["abcd12345678", "abcde", "abcde1234", "abc123"])
@pytest.mark.parametrize("lesson", ["session", "errors"])
async def test_a_cookie_signed_with_a_key_from_the_tutorial_is_worth_nothing(
    lesson: str, key: str, bare: Quart
) -> None:
    forger = Quart("forger")
    forger.secret_key = key
    forger.register_blueprint(LESSONS[lesson].blueprint, url_prefix=ROOT)
    forged = await forger.test_client().post(f"{ROOT}/login", form=LOGIN)
    cookie = forged.headers["Set-Cookie"].partition(";")[0]
    bare.register_blueprint(LESSONS[lesson].blueprint, url_prefix=ROOT)
    answer = await bare.test_client().get(f"{ROOT}/", headers={"Cookie": cookie})
    assert "暂未登录" in await answer.get_data(as_text=True)
