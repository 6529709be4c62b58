"""Signing in and out through the site's form."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from quart import Quart
from sqlalchemy import select, update

from quartapp.accounts import service
from quartapp.accounts.models import LoginSession
from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.testing import BY, MakeUser, User, new_user, sign_in, temporary_app
from quartapp.web.db import app_database
from quartapp.web.guards import COOKIE

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

PASSWORD = "123456"
HOSTILE = {
    "NUL": {"username": "bob\0", "password": "\0"},
    "a name that is too long": {"username": "n" * 5000, "password": PASSWORD},
    "a long password": {"username": "bob", "password": "p" * 100_000},
    "markup": {"username": "<script>alert(1)</script>", "password": PASSWORD},
    "SQL": {"username": "' OR 1=1; --", "password": "' OR 1=1; --"},
    "right to left": {"username": "\u202ebob", "password": PASSWORD},
}

OWN = ["/houses", "/houses?q=%25&page=2", "/house/a~1b", "/account#here", "/深圳", "/a//b"]
FOREIGN = [
    "//evil.example",
    "///evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\0/evil.example",
    "/\u2028/evil.example",
    "evil.example",
    "houses",
    "@evil.example",
    "/" + "a" * 5000,
]


async def cookie_of(answer: Any) -> str:
    """The header that sets or takes away the session's cookie; empty if none does."""
    return next((c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE)), "")


async def rows(database: Database) -> list[LoginSession]:
    async with database.reading() as db:
        return list(
            (await db.scalars(select(LoginSession).order_by(LoginSession.created_at))).all()
        )


async def change_rows(database: Database, **values: Any) -> None:
    async with database.writing() as db:
        await db.execute(update(LoginSession).values(**values))


async def is_signed_in(client: TestClientProtocol) -> bool:
    return (await client.get("/account")).status_code == 200


async def test_whoever_signs_in_is_led_to_the_overview(app: Quart, user: User) -> None:
    form = {"username": user.username, "password": user.password}
    answer = await app.test_client().post("/login", form=form)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/overview")
    cookie = await cookie_of(answer)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Max-Age" not in cookie
    assert "Secure" not in cookie


async def test_in_production_the_cookie_is_for_encrypted_connections_only() -> None:
    async with temporary_app(env="production") as app:
        assert app.config["QUART_AUTH_COOKIE_SECURE"]
        client = app.test_client()
        user = await new_user(app)
        form = {"username": user.username, "password": user.password}
        answer = await client.post("/login", form=form, scheme="https")
    assert "Secure" in await cookie_of(answer)


async def test_stay_signed_in_outlives_the_browser(
    app: Quart, user: User, database: Database
) -> None:
    form = {"username": user.username, "password": user.password, "stay": "1"}
    answer = await app.test_client().post("/login", form=form)

    assert f"Max-Age={30 * 24 * 3600}" in await cookie_of(answer)
    (row,) = await rows(database)
    assert row.idle_expires_at - row.created_at == timedelta(days=30)
    assert row.expires_at - row.created_at == timedelta(days=90)


async def test_without_it_a_session_ends_within_a_day(
    app: Quart, user: User, database: Database
) -> None:
    await sign_in(app, user)

    (row,) = await rows(database)
    assert row.idle_expires_at - row.created_at == timedelta(hours=12)
    assert row.expires_at - row.created_at == timedelta(hours=24)


@pytest.mark.parametrize("kind", ["unknown", "wrong password", "disabled"])
async def test_there_is_one_answer_for_whoever_may_not_sign_in(
    kind: str, app: Quart, make_user: MakeUser
) -> None:
    bob = await make_user(username="bob")
    form = {"username": "bob", "password": "wrong"}
    expected = await (await app.test_client().post("/login", form=form)).get_data(as_text=True)
    if kind == "unknown":
        form = {"username": "eve", "password": PASSWORD}
    elif kind == "disabled":
        form["password"] = PASSWORD
        async with app_database(app).writing() as db:
            await service.disable(db, id=bob.id, by=BY)

    answer = await app.test_client().post("/login", form=form)

    assert answer.status_code == 401
    assert not await cookie_of(answer)
    assert (await answer.get_data(as_text=True)).replace("eve", "bob") == expected


async def test_the_name_is_kept_as_typed_and_the_password_is_not(app: Quart) -> None:
    form = {"username": '"><b>管理员', "password": "my secret", "stay": "1", "next": "/houses"}
    page = await (await app.test_client().post("/login", form=form)).get_data(as_text=True)

    assert 'value="&#34;&gt;&lt;b&gt;管理员"' in page
    assert "my secret" not in page
    assert 'name="next" value="/houses"' in page
    assert " checked" in page


@pytest.mark.parametrize("form", [{}, {"username": "bob"}, {"password": "x"}, {"username": ""}])
async def test_an_empty_field_is_named(form: dict[str, str], app: Quart) -> None:
    answer = await app.test_client().post("/login", form=form)

    assert answer.status_code == 400
    page = await answer.get_data(as_text=True)
    for name in ("username", "password"):
        assert (f'id="field-{name}-error"' in page) is not bool(form.get(name))


async def test_json_is_no_form(app: Quart, user: User) -> None:
    body = {"username": user.username, "password": user.password}
    answer = await app.test_client().post("/login", json=body)
    assert answer.status_code == 400


@pytest.mark.parametrize("form", HOSTILE.values(), ids=HOSTILE)
async def test_whatever_is_typed_is_refused_like_any_wrong_password(
    form: dict[str, str], app: Quart
) -> None:
    assert (await app.test_client().post("/login", form=form)).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"username=bob&password=" + b"p" * 1_000_000, 413),
        (b"username=%ED%A0%80&password=%ED%A0%80", 401),
        (b"username=%FF&password=%FF", 401),
        (b"\xff\xfe", 400),
    ],
)
async def test_a_body_that_no_browser_sends_is_answered_clearly(
    body: bytes, status: int, app: Quart
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await app.test_client().post("/login", data=body, headers=headers)
    assert answer.status_code == status


async def test_people_come_back_to_the_page_that_they_asked_for(
    app: Quart, user: User, browser: TestClientProtocol
) -> None:
    for next in OWN:
        answer = await browser.get("/login", query_string={"next": next})
        # A browser reads this as a path on the same host.
        assert urlsplit(answer.headers["Location"])[:2] == ("", "")
        assert unquote(answer.headers["Location"]) == unquote(next)
    form = {"username": user.username, "password": user.password, "next": "/houses?q=a"}
    answer = await app.test_client().post("/login", form=form)
    assert answer.headers["Location"] == "/houses?q=a"


async def test_nobody_is_led_to_another_site(
    app: Quart, user: User, browser: TestClientProtocol
) -> None:
    for next in FOREIGN:
        answer = await browser.get("/login", query_string={"next": next})
        assert answer.headers["Location"] == "/overview", next
    form = {"username": user.username, "password": user.password, "next": "//evil.example"}
    answer = await app.test_client().post("/login", form=form)
    assert answer.headers["Location"] == "/overview"


async def test_each_sign_in_is_a_session_of_its_own_and_replaces_that_of_the_browser(
    app: Quart, user: User, database: Database
) -> None:
    browser = await sign_in(app, user)
    form = {"username": user.username, "password": user.password}

    assert (await browser.post("/login", form=form)).status_code == 303

    first, second = await rows(database)
    assert first.id != second.id
    assert (first.revoked_reason, second.revoked_at) == ("replaced", None)
    assert await is_signed_in(browser)


async def test_signing_out_makes_the_cookie_worthless(
    app: Quart, browser: TestClientProtocol, database: Database
) -> None:
    assert browser.cookie_jar is not None
    (stolen,) = [cookie.value for cookie in browser.cookie_jar if cookie.name == COOKIE]

    answer = await browser.post("/logout")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert f"{COOKIE}=;" in await cookie_of(answer)
    assert "Signed out." in await (await browser.get("/login")).get_data(as_text=True)
    thief = app.test_client()
    thief.set_cookie("localhost", COOKIE, str(stolen))
    assert not await is_signed_in(thief)
    (row,) = await rows(database)
    assert row.revoked_reason == "signed out"


async def test_whoever_is_not_signed_in_may_sign_out_all_the_same(app: Quart) -> None:
    assert (await app.test_client().post("/logout")).status_code == 303
    assert (await app.test_client().get("/logout")).status_code == 405


@pytest.mark.parametrize("limit", ["idle_expires_at", "expires_at"])
async def test_a_session_ends_by_itself(
    limit: str, browser: TestClientProtocol, database: Database
) -> None:
    assert await is_signed_in(browser)

    await change_rows(database, **{limit: now()})

    assert not await is_signed_in(browser)


async def test_the_last_use_is_written_once_a_minute_and_prolongs_the_session(
    browser: TestClientProtocol, database: Database
) -> None:
    (first,) = await rows(database)
    await is_signed_in(browser)
    (again,) = await rows(database)
    assert again.last_used_at == first.last_used_at

    a_minute_ago = now() - timedelta(minutes=1)
    await change_rows(database, last_used_at=a_minute_ago, idle_expires_at=now() + timedelta(1))
    await change_rows(database, idle_expires_at=now() + timedelta(seconds=30), address="")
    answer = await browser.get("/account")

    (used,) = await rows(database)
    assert used.last_used_at > first.last_used_at
    assert used.idle_expires_at > now() + timedelta(hours=11)
    assert used.address
    assert not await cookie_of(answer)


async def one_who_stays(app: Quart, user: User, database: Database) -> TestClientProtocol:
    """A browser that stays signed in, and was not used for a day."""
    client = app.test_client()
    form = {"username": user.username, "password": user.password, "stay": "1"}
    await client.post("/login", form=form)
    await change_rows(database, last_used_at=now() - timedelta(days=1))
    return client


async def test_a_session_that_lasts_takes_its_cookie_along_but_not_beyond_its_end(
    app: Quart, user: User, database: Database
) -> None:
    client = await one_who_stays(app, user, database)
    end = now() + timedelta(days=2)
    await change_rows(database, expires_at=end)

    answer = await client.get("/account")

    assert "Max-Age" in await cookie_of(answer)
    (row,) = await rows(database)
    assert abs(row.idle_expires_at - end) < timedelta(seconds=1)


async def test_who_leaves_after_a_while_is_told_once(
    app: Quart, user: User, database: Database
) -> None:
    """The cookie is about to be renewed, and is taken away all the same."""
    client = await one_who_stays(app, user, database)

    answer = await client.post("/logout")

    told = [each for each in answer.headers.getlist("Set-Cookie") if f"{COOKIE}=" in each]
    assert len(told) == 1
    assert "Max-Age=0" in told[0]
