"""login-db, where the tutorial on Flask shows nothing: accounts that go, and other mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from quart import Quart
from sqlalchemy import delete

from quartapp.accounts import service
from quartapp.accounts.models import Account
from quartapp.testing import BY, MakeUser, User, new_user
from quartapp.web.db import app_database

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

DASHBOARD = "/lessons/login-db/dashboard"


async def sign_in(app: Quart, user: User) -> TestClientProtocol:
    """A client that is signed in at the lesson."""
    client = app.test_client()
    form = {"username": user.username, "password": user.password}
    assert (await client.post("/lessons/login-db/login", form=form)).status_code == 302
    return client


async def test_the_cookie_of_a_deleted_account_signs_nobody_in(
    app: Quart, make_user: MakeUser
) -> None:
    browser = await sign_in(app, await make_user(username="bob"))
    assert (await browser.get(DASHBOARD)).status_code == 200
    async with app_database(app).writing() as db:
        await db.execute(delete(Account))
    await new_user(app, username="eve")
    assert (await browser.get(DASHBOARD)).status_code == 401


async def test_the_cookie_of_a_disabled_account_signs_nobody_in(
    app: Quart, make_user: MakeUser
) -> None:
    bob = await make_user(username="bob")
    browser = await sign_in(app, bob)

    async with app_database(app).writing() as db:
        await service.disable(db, id=bob.id, by=BY)

    assert (await browser.get(DASHBOARD)).status_code == 401


async def test_a_name_with_a_colon_signs_in(app: Quart, make_user: MakeUser) -> None:
    browser = await sign_in(app, await make_user(username="a:b:c"))
    page = await browser.get(DASHBOARD)
    assert "a:b:c" in await page.get_data(as_text=True)


@pytest.mark.parametrize("lesson", ["login-db", "session"])
async def test_cookies_lie_where_the_application_is_mounted(
    lesson: str, app: Quart, make_user: MakeUser
) -> None:
    await make_user(username="admin", password="123456")
    answer = await app.test_client().post(
        f"/app/lessons/{lesson}/login",
        form={"username": "admin", "password": "123456"},
        root_path="/app",
    )
    assert answer.status_code == 302
    assert f"Path=/app/lessons/{lesson};" in answer.headers["Set-Cookie"] + ";"
