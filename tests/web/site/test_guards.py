"""Who may come in: cookies that are somebody's and that are nobody's, and other sites' requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from quart import Quart
from sqlalchemy import delete, event, insert, select, update

from quartapp.accounts.models import Account, LoginSession
from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.testing import MakeUser, User, sign_in
from quartapp.web.guards import COOKIE

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

HOST = "houses.example"

# Sec-Fetch-Site, Origin, and whether a form with them is taken.
SITES: list[tuple[str | None, str | None, bool]] = [
    (None, None, True),
    ("same-origin", None, True),
    ("none", None, True),
    ("same-origin", "https://houses.example", True),
    ("cross-site", None, False),
    ("same-site", None, False),
    ("cross-site", "https://houses.example", False),
    ("", None, False),
    (None, "https://houses.example", True),
    (None, "http://houses.example", True),
    (None, "https://HOUSES.example", True),
    (None, "https://houses.example:443", True),
    (None, "http://houses.example:80", True),
    (None, "https://houses.example:80", False),
    (None, "https://houses.example:8443", False),
    (None, "https://evil.example", False),
    (None, "https://houses.example.evil.example", False),
    (None, "https://evil.example/houses.example", False),
    (None, "https://houses.example@evil.example", False),
    (None, "null", False),
    (None, "", False),
    (None, "houses.example", False),
    (None, "https://", False),
    (None, "https://[", False),
    (None, "file://houses.example", False),
]


def header(name: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {name: value}


async def test_only_the_sites_own_pages_may_send_forms(app: Quart) -> None:
    for site, origin, taken in SITES:
        headers = {"Host": HOST} | header("Sec-Fetch-Site", site) | header("Origin", origin)
        answer = await app.test_client().post("/logout", headers=headers)
        assert answer.status_code == (303 if taken else 403), (site, origin)


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
async def test_the_port_belongs_to_the_host(port: str, app: Quart) -> None:
    headers = {"Host": HOST + port, "Origin": "https://houses.example:8443"}
    answer = await app.test_client().post("/logout", headers=headers)
    assert answer.status_code == (303 if port == ":8443" else 403)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/login", "/nowhere", "/api/v1/houses"])
async def test_a_change_that_another_site_asks_for_is_refused_everywhere(
    method: str, path: str, app: Quart
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    send = getattr(app.test_client(), method.lower())
    answer = await send(path, headers=headers)
    assert answer.status_code == 403


async def test_links_from_other_sites_and_the_lessons_are_let_alone(app: Quart) -> None:
    client, headers = app.test_client(), {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
    assert (await client.get("/login", headers=headers)).status_code == 200
    lesson = await client.post("/lessons/request-form/result", headers=headers, form={"a": "b"})
    assert lesson.status_code == 200


async def test_whoever_is_not_signed_in_is_led_to_the_form_and_back(app: Quart, user: User) -> None:
    client = app.test_client()
    led = await client.get("/account?a=b%26c&d=%E6%B7%B1")
    assert led.status_code == 302
    form = {"username": user.username, "password": user.password}
    page = await (await client.get(led.headers["Location"])).get_data(as_text=True)
    assert 'name="next" value="/account?a=b%26c&amp;d=%E6%B7%B1"' in page

    next = "/account?a=b%26c&d=%E6%B7%B1"
    answer = await client.post("/login", form=form | {"next": next})

    assert answer.headers["Location"] == next


async def test_the_way_back_lies_where_the_application_is_mounted(app: Quart) -> None:
    answer = await app.test_client().get("/app/account", root_path="/app")
    assert answer.headers["Location"] == "/app/login?next=/app/account"


async def test_the_way_back_never_names_a_host(app: Quart) -> None:
    answer = await app.test_client().get("//overview")
    assert answer.headers["Location"] == "/login?next=/overview"


async def test_a_form_of_whoever_is_not_signed_in_is_401(app: Quart) -> None:
    for path in ("/account/password", "/people", "/people/1/disable"):
        assert (await app.test_client().post(path)).status_code == 401


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "null", '"x', "a.b.c", "é", "\\xff", "a" * 5000, "IngiLg.aSIDAA.x", ".", "..."],
)
async def test_a_cookie_that_is_none_is_nobodys(cookie: str, app: Quart) -> None:
    client = app.test_client()
    for path in ("/", "/login"):
        headers = {"Cookie": f"{COOKIE}={cookie}"}
        assert (await client.get(path, headers=headers)).status_code == 200
    assert (await client.get("/account", headers=headers)).status_code == 302


async def test_a_cookie_of_another_key_or_of_the_lesson_is_nobodys(
    app: Quart, user: User, browser: TestClientProtocol
) -> None:
    assert browser.cookie_jar is not None
    (cookie,) = [str(cookie.value) for cookie in browser.cookie_jar if cookie.name == COOKIE]
    form = {"username": user.username, "password": user.password}
    lesson = await app.test_client().post("/lessons/login-db/login", form=form)
    of_lesson = lesson.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    changed = [("A" if cookie[0] != "A" else "B") + cookie[1:], cookie[1:], of_lesson]

    for forged in changed:
        client = app.test_client()
        client.set_cookie("localhost", COOKIE, forged)
        assert (await client.get("/account")).status_code == 302
    assert (await browser.get("/account")).status_code == 200


async def test_a_program_s_session_is_no_browser_s(
    browser: TestClientProtocol, database: Database
) -> None:
    async with database.writing() as db:
        await db.execute(update(LoginSession).values(digest="d" * 64))

    assert (await browser.get("/account")).status_code == 302


@pytest.mark.parametrize("subject", ["", "7", ":", "x:bob", "-1:bob", "99999999999999999999:bob"])
async def test_a_session_of_nobody_that_there_is_lets_nobody_in(
    subject: str, browser: TestClientProtocol, database: Database
) -> None:
    async with database.writing() as db:
        await db.execute(update(LoginSession).values(subject=subject))

    assert (await browser.get("/account")).status_code == 302


async def test_the_session_of_an_account_that_is_gone_is_not_that_of_the_next(
    app: Quart, make_user: MakeUser, database: Database
) -> None:
    bob = await make_user(username="bob")
    browser = await sign_in(app, bob)

    async with database.writing() as db:
        await db.execute(delete(Account))
        # SQLite gives the id to the next by itself, MySQL after a restart.
        eve = {"id": bob.id, "username": "eve", "userpwd": "x"}
        await db.execute(insert(Account).values(eve))

    assert (await browser.get("/account")).status_code == 302


async def test_pages_that_depend_on_who_asks_are_kept_by_nobody(
    app: Quart, browser: TestClientProtocol
) -> None:
    for client in (browser, app.test_client()):
        for path in ("/account", "/login", "/people"):
            answer = await client.get(path)
            assert "Cookie" in answer.headers["Vary"]
            assert answer.headers["Cache-Control"] == "private, no-store"


async def test_who_asks_is_found_out_by_one_statement(
    browser: TestClientProtocol, database: Database
) -> None:
    said: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        assert (await browser.get("/login")).status_code == 303
    finally:
        event.remove(engine, "before_cursor_execute", listen)

    assert [s.split()[0] for s in said if not s.startswith("BEGIN")] == ["SELECT"]


async def test_a_page_does_not_wait_for_a_database_that_cannot_be_written_now(
    app: Quart, user: User, database: Database
) -> None:
    client = await sign_in(app, user)
    an_hour_ago = now() - timedelta(hours=1)
    async with database.writing() as db:
        await db.execute(update(LoginSession).values(last_used_at=an_hour_ago))

    async with database.writing() as db:
        await db.execute(update(LoginSession).values(device="held by a long change"))
        page = await client.get("/account")

    assert page.status_code == 200
    async with database.reading() as db:
        assert await db.scalar(select(LoginSession.last_used_at)) == an_hour_ago
    await client.get("/account")
    async with database.reading() as db:
        assert await db.scalar(select(LoginSession.last_used_at)) != an_hour_ago
