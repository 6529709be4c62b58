"""My account: the password, and where I am signed in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from quart import Quart
from sqlalchemy import select

from quartapp.accounts.models import LoginSession
from quartapp.audit.models import AuditEntry
from quartapp.db.database import Database
from quartapp.jwt.session_store import LISTED
from quartapp.testing import ApiClient, MakeUser, User, api_client_for, sign_in

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

NEW = "a new and long one"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

REFUSED = [
    ({"current": "wrong"}, "current", "not your current password"),
    ({"current": ""}, "current", "not your current password"),
    ({"current": "x" * 100_000}, "current", "not your current password"),
    ({"repeat": "another one"}, "repeat", "not the same"),
    ({"new": "short", "repeat": "short"}, "new", "fewer than 8"),
    ({"new": "", "repeat": ""}, "new", "empty"),
    ({"new": "x" * 129, "repeat": "x" * 129}, "new", "more than 128"),
    ({"new": "Password1", "repeat": "Password1"}, "new", "commonest"),
    ({"new": "Somebody", "repeat": "Somebody"}, "new", "user name"),
]


async def text_of(client: TestClientProtocol, path: str = "/account") -> str:
    answer = await client.get(path)
    assert answer.status_code == 200
    return str(await answer.get_data(as_text=True))


async def sessions(database: Database) -> dict[str, LoginSession]:
    async with database.reading() as db:
        return {row.id: row for row in await db.scalars(select(LoginSession))}


async def is_in(program: ApiClient) -> bool:
    """Whether a program's token is good."""
    return bool((await program.get("/api/v1/me")).status_code == 200)


async def test_i_see_where_i_am_signed_in(app: Quart, user: User) -> None:
    form = {"username": user.username, "password": user.password}
    other = app.test_client()
    await other.post("/login", form=form, headers={"User-Agent": FIREFOX})
    await api_client_for(app, user)

    page = await text_of(await sign_in(app, user))

    assert "Firefox on Linux" in page
    assert "Program (API)" in page
    assert page.count("This browser") == 1
    assert page.index("This browser") < page.index("Firefox on Linux")


async def test_of_very_many_places_the_last_are_shown_and_all_can_be_ended(
    app: Quart, user: User, database: Database
) -> None:
    client = await sign_in(app, user)
    (mine,) = (await sessions(database)).values()
    stay = {name: getattr(mine, name) for name in ("subject", "digest", "expires_at")}
    async with database.writing() as db:
        for number in range(LISTED - 1):
            at = mine.created_at - timedelta(minutes=1 + number)
            times = {"created_at": at, "last_used_at": at, "idle_expires_at": stay["expires_at"]}
            db.add(LoginSession(id=f"{number:032}", **stay, **times))
    await sign_in(app, user)
    page = await text_of(client)
    assert page.count("Signed in</dt>") == LISTED
    assert page.index("This browser") < page.index("Signed in</dt>")
    assert f"These are the {LISTED} used last; there may be more." in page

    await client.post("/account/sessions/end-others")
    assert [row.id for row in (await sessions(database)).values() if not row.revoked_at] == [
        mine.id
    ]
    assert "there may be more" not in await text_of(client)


@pytest.mark.parametrize("agent", ["<script>alert(1)</script>", "", "x" * 5000])
async def test_a_device_may_call_itself_anything(agent: str, app: Quart, user: User) -> None:
    form = {"username": user.username, "password": user.password}
    client = app.test_client()
    await client.post("/login", form=form, headers={"User-Agent": agent})

    page = await text_of(client)

    assert "<script>alert" not in page
    assert ("Unknown device" in page) is not bool(agent)


async def test_another_browser_is_signed_out_by_a_button(
    app: Quart, user: User, database: Database
) -> None:
    program = await api_client_for(app, user)
    other, here = await sign_in(app, user), await sign_in(app, user)
    mine, *theirs = re.findall(r"/account/sessions/(\w+)/end", await text_of(here))

    for id in theirs:
        answer = await here.post(f"/account/sessions/{id}/end")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account")

    assert [id for id, row in (await sessions(database)).items() if not row.revoked_at] == [mine]
    assert (await other.get("/account")).status_code == 302
    assert not await is_in(program)
    assert await text_of(here)


async def test_the_button_of_this_browser_signs_out_here(
    browser: TestClientProtocol, database: Database
) -> None:
    (id,) = await sessions(database)

    answer = await browser.post(f"/account/sessions/{id}/end")

    assert answer.headers["Location"] == "/login"
    assert (await browser.get("/account")).status_code == 302


@pytest.mark.parametrize("id", ["nothing", "0" * 32, "%00", "%F0%9F%98%80", "x" * 3000])
async def test_a_session_that_is_none_is_ended_by_nobody(
    id: str, browser: TestClientProtocol
) -> None:
    assert (await browser.post(f"/account/sessions/{id}/end")).status_code == 303
    assert "It was signed out already." in await text_of(browser)


async def test_nobody_ends_the_session_of_somebody_else(
    app: Quart, make_user: MakeUser, database: Database
) -> None:
    bob, eve = await make_user(username="bob"), await make_user(username="eve")
    browser = await sign_in(app, bob)
    (id,) = await sessions(database)

    await (await sign_in(app, eve)).post(f"/account/sessions/{id}/end")

    assert await text_of(browser)


async def test_sign_out_everywhere_else_leaves_this_browser_and_other_people(
    app: Quart, make_user: MakeUser
) -> None:
    bob, eve = await make_user(username="bob"), await make_user(username="eve")
    other, here, eves = [await sign_in(app, user) for user in (bob, bob, eve)]
    program = await api_client_for(app, bob)

    assert (await here.post("/account/sessions/end-others")).status_code == 303

    assert (await other.get("/account")).status_code == 302
    assert not await is_in(program)
    assert await text_of(here)
    assert await text_of(eves)


async def test_a_changed_password_ends_all_other_sessions_at_once(
    app: Quart, user: User, database: Database
) -> None:
    other, here = await sign_in(app, user), await sign_in(app, user)
    program = await api_client_for(app, user)

    form = {"current": user.password, "new": NEW, "repeat": NEW}
    answer = await here.post("/account/password", form=form)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert "Your password is changed." in await text_of(here)
    assert (await other.get("/account")).status_code == 302
    assert not await is_in(program)
    for password, status in ((user.password, 401), (NEW, 303)):
        form = {"username": user.username, "password": password}
        assert (await app.test_client().post("/login", form=form)).status_code == status
    async with database.reading() as db:
        entry = (await db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()))).first()
    assert entry is not None
    assert (entry.action, entry.actor, entry.detail) == ("account.password", user.username, "{}")


async def test_a_password_that_cannot_be_taken_is_refused_at_its_field(
    app: Quart, make_user: MakeUser
) -> None:
    user = await make_user(username="somebody")
    other, here = await sign_in(app, user), await sign_in(app, user)
    for typed, field, why in REFUSED:
        form = {"current": user.password, "new": NEW, "repeat": NEW} | typed

        answer = await here.post("/account/password", form=form)

        assert answer.status_code == 400
        page = await answer.get_data(as_text=True)
        assert why in page.partition(f'id="field-{field}-error"')[2].partition("</div>")[0]
        assert NEW not in page
    assert await text_of(other)


async def test_all_fields_are_refused_at_once(browser: TestClientProtocol) -> None:
    form = {"current": "wrong", "new": "short", "repeat": "short"}
    page = await (await browser.post("/account/password", form=form)).get_data(as_text=True)
    assert 'id="field-current-error"' in page
    assert 'id="field-new-error"' in page
    assert (await browser.post("/account/password")).status_code == 400


async def test_a_program_at_the_api_ends_browsers_too(
    app: Quart, user: User, browser: TestClientProtocol
) -> None:
    program, other = await api_client_for(app, user), await api_client_for(app, user)

    assert (await program.delete("/api/v1/me/sessions")).status_code == 200

    assert (await browser.get("/account")).status_code == 302
    assert not await is_in(other)
    assert await is_in(program)


async def test_a_password_changed_at_the_api_ends_browsers_too(
    app: Quart, user: User, browser: TestClientProtocol
) -> None:
    program, body = await api_client_for(app, user), {"current": user.password, "new": NEW}

    assert (await program.put("/api/v1/me/password", json=body)).status_code == 204

    assert (await browser.get("/account")).status_code == 302
    assert await is_in(program)
