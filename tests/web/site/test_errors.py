"""What went wrong: a page for people, a problem for programs, and never what is inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart, abort
from sqlalchemy.exc import OperationalError

from quartapp.core.errors import (
    Changed,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NoRoom,
    NotFound,
    Refusal,
    TooSlow,
)
from quartapp.testing import new_user, sign_in, temporary_app
from quartapp.web.db import app_database
from quartapp.web.texts import read
from tests.web.wire import in_chunks, speak

CHINESE = {"Accept-Language": "zh-CN"}
CHINESE_HOME = str(read("zh_Hans")["Go to the home page"].string)
DOMAIN = {
    "forbidden": (Forbidden("no"), 403),
    "changed": (Changed("no", current=None), 409),
    "conflict": (Conflict("no"), 409),
    "invalid": (Invalid("no", fields={"name": Refusal("x", "The name is odd.")}), 400),
    "missing": (NotFound("no"), 404),
    "slow": (TooSlow("no"), 503),
    "full": (NoRoom("no"), 503),
    "unforeseen": (DomainError("no"), 500),
}


async def fail(kind: str) -> str:
    if kind.isdigit():
        abort(int(kind))
    if kind == "database":
        raise OperationalError("SELECT secret", {}, OSError("gone"))
    if kind == "bug":
        raise RuntimeError("a secret of the inside")
    raise DOMAIN[kind][0]


@pytest_asyncio.fixture(scope="module")
async def failing() -> AsyncIterator[Quart]:
    """An application where things go wrong, and which takes no more than 1,000 bytes."""
    async with temporary_app(max_upload_bytes=1000) as app:
        app.add_url_rule("/trouble/<kind>", "trouble", fail)
        app.add_url_rule("/api/trouble/<kind>", "api_trouble", fail)
        yield app


async def page(app: Quart, path: str, **sent: Any) -> tuple[int, str, Any]:
    answer = await app.test_client().get(path, **sent)
    return answer.status_code, await answer.get_data(as_text=True), answer.headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 429, 500, 503])
async def test_each_error_has_a_page_that_says_what_to_do(status: int, failing: Quart) -> None:
    told, text, headers = await page(failing, f"/trouble/{status}")
    assert told == status
    assert f"<title>{status} " in text
    assert "Go to the home page" in text
    assert headers["X-Request-ID"] in text
    chinese = (await page(failing, f"/trouble/{status}", headers=CHINESE))[1]
    assert '<html lang="zh-Hans">' in chinese
    assert CHINESE_HOME in chinese


@pytest.mark.parametrize("kind", DOMAIN)
async def test_a_refusal_by_a_service_has_its_page(kind: str, failing: Quart) -> None:
    status, text, headers = await page(failing, f"/trouble/{kind}")
    assert status == DOMAIN[kind][1]
    assert f"<title>{status} " in text
    assert ("Retry-After" in headers) == (status == 503)
    assert ("The name is odd." in text) == (kind == "invalid")


async def test_a_database_that_is_away_is_a_page_that_says_when_to_come_back(
    failing: Quart,
) -> None:
    status, text, headers = await page(failing, "/trouble/database")
    assert (status, headers["Retry-After"]) == (503, "2")
    assert "Try again" in text
    assert "secret" not in text


async def test_pages_that_need_no_database_are_there_without_one() -> None:
    async with temporary_app() as app:
        browser = await sign_in(app, await new_user(app))
        async with app_database(app).writing() as db:
            await (await db.connection()).exec_driver_sql("DROP TABLE login_session")
        assert (await browser.get("/")).status_code == 200
        assert (await browser.get("/nowhere")).status_code == 404
        answer = await browser.get("/overview")
        assert answer.status_code == 503
        assert "Try again" in await answer.get_data(as_text=True)


async def test_a_bug_is_500_and_says_nothing_of_the_inside(failing: Quart) -> None:
    failing.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("/trouble/bug", "/api/trouble/bug"):
        status, text, headers = await page(failing, path)
        assert status == 500
        assert headers["X-Request-ID"] in text
        assert "secret" not in text


@pytest.mark.parametrize("kind", ["404", "forbidden", "database"])
async def test_below_api_the_same_is_a_problem(kind: str, failing: Quart) -> None:
    _, text, headers = await page(failing, f"/api/trouble/{kind}")
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Request-ID"] in text


async def test_an_unknown_status_has_a_page_too(failing: Quart) -> None:
    assert (await page(failing, "/trouble/418"))[0] == 418


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/login", "text/html; charset=utf-8"), ("/api/x", "application/problem+json")],
)
@pytest.mark.parametrize("length", [2000, None], ids=["declared", "chunked"])
async def test_a_body_that_is_too_large_gets_the_same_dress(
    path: str, kind: str, length: int | None, failing: Quart
) -> None:
    form = "application/x-www-form-urlencoded"
    body = in_chunks(b"a=" + b"x" * 1998, 500)
    heard = await speak(failing, path, body, content_type=form, length=length)
    assert heard.status == 413 or (path == "/api/x" and length is None and heard.status == 404)
    assert heard.headers["content-type"] == kind
    assert heard.headers["x-request-id"].encode() in heard.body
