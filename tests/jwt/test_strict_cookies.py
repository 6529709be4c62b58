"""The cookies of the strict profile."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Quart, Response

import quartapp.jwt as ours
from tests.jwt.support import KEY, VIEW_STYLES
from tests.jwt.test_strict import STRICT, ask, strict, token


async def written(app: Quart, **domain: Any) -> dict[str, str]:
    """Return the attributes of the cookies that an application writes, by their names."""
    response = Response("x")
    async with app.app_context():
        access = await ours.create_access_token("bob")
        await ours.set_access_cookies(response, access, **domain)
        await ours.set_refresh_cookies(response, await ours.create_refresh_token("bob"), **domain)
        assert response.headers["Cache-Control"] == "no-store"
    cookies = (cookie.partition("=") for cookie in response.headers.getlist("Set-Cookie"))
    return {name: value.partition("; ")[2] for name, _, value in cookies}


async def test_cookies_belong_to_this_host_alone_and_are_secure() -> None:
    assert await written(strict()) == {
        "__Host-access_token_cookie": "Secure; HttpOnly; Path=/; SameSite=Lax",
        "__Host-csrf_access_token": "Secure; Path=/; SameSite=Lax",
        "__Host-refresh_token_cookie": "Secure; HttpOnly; Path=/; SameSite=Lax",
        "__Host-csrf_refresh_token": "Secure; Path=/; SameSite=Lax",
    }


@pytest.mark.parametrize(
    ("given", "name", "attributes"),
    [
        ({"COOKIE_SAMESITE": "Strict"}, "__Host-refresh_token_cookie", "SameSite=Strict"),
        ({"REFRESH_COOKIE_PATH": "/auth"}, "__Secure-refresh_token_cookie", "Path=/auth"),
        ({"REFRESH_COOKIE_NAME": "rt"}, "rt", "Secure; HttpOnly; Path=/; SameSite=Lax"),
        ({"COOKIE_DOMAIN": "example.org"}, "__Secure-refresh_token_cookie", "Domain=example.org"),
        ({"COOKIE_SECURE": False}, "refresh_token_cookie", "HttpOnly; Path=/; SameSite=Lax"),
        (
            {"COOKIE_SAMESITE": None},
            "__Host-refresh_token_cookie",
            "Secure; HttpOnly; Path=/",
        ),
    ],
)
async def test_what_the_application_set_wins(
    given: dict[str, Any], name: str, attributes: str
) -> None:
    cookies = await written(strict(**given))

    assert attributes in cookies[name]


async def test_what_is_set_before_init_app_wins_though_it_is_the_default() -> None:
    app = strict(COOKIE_SECURE=False, BEARER_CHALLENGES=False, ACCESS_COOKIE_NAME="mine")

    assert set(await written(app)) >= {"mine", "csrf_access_token"}
    status, _ = await ask(app, "x")
    assert status == 422


async def test_what_a_first_init_app_filled_in_is_nobody_s_choice() -> None:
    app = strict()
    ours.JWTManager(app)

    assert all(name.startswith("__Host-") for name in await written(app))


async def test_a_cookie_that_every_browser_drops_is_the_server_s_mistake() -> None:
    app = strict()

    async with app.app_context():
        access = await ours.create_access_token("bob")
        with pytest.raises(RuntimeError, match="__Host-access_token_cookie"):
            await ours.set_access_cookies(Response("x"), access, domain="example.org")
    app = strict(COOKIE_SECURE=False, ACCESS_COOKIE_NAME="__Secure-x")
    async with app.app_context():
        access = await ours.create_access_token("bob")
        with pytest.raises(RuntimeError, match="__Secure-x"):
            await ours.set_access_cookies(Response("x"), access)


@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_a_cookie_is_read_by_the_name_that_it_was_written_with(style: str) -> None:
    app = strict(style, TOKEN_LOCATION=["cookies"])
    client = app.test_client(use_cookies=False)

    for name, status in (("__Host-access_token_cookie", 200), ("access_token_cookie", 401)):
        response = await client.get("/protected", headers={"Cookie": f"{name}={token()}"})
        assert response.status_code == status


async def test_a_named_manager_s_cookies_are_prefixed_too() -> None:
    app = Quart("tests")
    app.config.update({f"API_JWT_{name}": value for name, value in STRICT.items()})
    app.config["API_JWT_SECRET_KEY"] = KEY
    ours.JWTManager(app, name="api")
    response = Response("x")

    async with app.app_context():
        ours.unset_access_cookies(response, manager="api")

    assert response.headers["Set-Cookie"].startswith("__Host-api_access_token_cookie=;")
