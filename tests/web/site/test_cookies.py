"""The cookies of the site: out of reach of scripts and of other sites, and the lessons' apart."""

from __future__ import annotations

from quart import Quart

from quartapp.testing import MakeUser, temporary_app


async def test_every_cookie_is_kept_from_scripts_and_other_sites(
    app: Quart, make_user: MakeUser
) -> None:
    user = await make_user(password="one that nobody else has")
    client = app.test_client()
    form = {"username": user.username, "password": user.password, "stay": "on"}

    signed_in = await client.post("/login", form=form)
    told = await client.post("/account/sessions/end-others")
    chosen = await client.post("/preferences", form={"theme": "dark", "next": "/"})

    cookies = [
        cookie
        for answer in (signed_in, told, chosen)
        for cookie in answer.headers.getlist("Set-Cookie")
    ]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "quartapp_session",
        "quartapp_messages",
        "theme",
    }
    for cookie in cookies:
        assert "SameSite=Lax" in cookie
        assert "HttpOnly" in cookie


async def test_in_production_they_travel_encrypted_alone() -> None:
    keys = {"secret_key": "5fQ2x8Lk" * 5, "jwt_secret_key": "9aZ7c3Vb" * 5}
    async with temporary_app(env="production", **keys) as app:
        client = app.test_client()
        chosen = await client.post("/preferences", form={"language": "en", "next": "/"})

    (cookie,) = chosen.headers.getlist("Set-Cookie")
    assert "Secure" in cookie
