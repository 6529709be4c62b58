"""A websocket's handshake: guarded as a request, and by its Origin where cookies are."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Quart, websocket
from quart.testing import WebsocketResponseError
from werkzeug.datastructures import Headers

import quartapp.jwt as ours
from tests.jwt.support import KEY, NOW, bearer, token

COOKIE = {"Cookie": f"access_token_cookie={token()}"}


def build(**options: Any) -> Quart:
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config.update(options)
    ours.JWTManager(app)

    @app.websocket("/ws")
    @ours.jwt_required()
    async def talk() -> None:
        await websocket.accept()
        await websocket.send_json({"to": ours.get_jwt_identity()})

    @app.websocket("/cookies")
    @ours.jwt_required(locations=["cookies"])
    async def talk_by_cookie() -> None:
        await websocket.accept()
        await websocket.send_json({"to": ours.get_jwt_identity()})

    return app


async def refusal(app: Quart, path: str, **handshake: Any) -> tuple[int, Any]:
    with pytest.raises(WebsocketResponseError) as refused:
        async with app.test_client().websocket(path, **handshake) as connection:
            await connection.receive_json()
    return refused.value.response.status_code, await refused.value.response.get_json()


async def greeting(app: Quart, path: str, **handshake: Any) -> Any:
    async with app.test_client().websocket(path, **handshake) as connection:
        return await connection.receive_json()


async def test_a_token_in_the_header_opens_a_websocket() -> None:
    assert await greeting(build(), "/ws", headers=dict(bearer(token()))) == {"to": "bob"}


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({}, (401, {"msg": "Missing Authorization Header"})),
        (dict(bearer(token(exp=NOW - 9))), (401, {"msg": "Token has expired"})),
        (dict(bearer("x")), (422, {"msg": "Not enough segments"})),
    ],
)
async def test_without_a_valid_token_the_handshake_is_refused(
    headers: dict[str, str], answer: tuple[int, Any]
) -> None:
    assert await refusal(build(), "/ws", headers=headers) == answer


async def test_a_token_in_the_query_string_opens_a_websocket() -> None:
    app = build(JWT_TOKEN_LOCATION=["query_string"])

    assert await greeting(app, "/ws", query_string={"jwt": token()}) == {"to": "bob"}


async def test_a_websocket_has_no_json_body() -> None:
    answer = await refusal(build(JWT_TOKEN_LOCATION=["json"]), "/ws")

    assert answer == (401, {"msg": "Invalid content-type. Must be application/json."})


@pytest.mark.parametrize(
    "origin",
    ["http://localhost", "http://localhost:80", "HTTP://LOCALHOST"],
)
async def test_a_cookie_opens_a_websocket_to_a_page_of_the_same_site(origin: str) -> None:
    assert await greeting(build(), "/cookies", headers=COOKIE | {"Origin": origin}) == {"to": "bob"}


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "http://localhost@evil.example",
        "http://localhost:81",
        "https://localhost:80x",
        "ftp://localhost",
        "localhost",
        "http://[",
        "http://l\u00f6calhost",
        "http://localhost:99999",
    ],
)
async def test_a_cookie_opens_no_websocket_to_another_site(origin: str | None) -> None:
    headers = COOKIE if origin is None else COOKIE | {"Origin": origin}

    answer = await refusal(build(), "/cookies", headers=headers)

    assert answer == (401, {"msg": "Missing CSRF token"})


async def test_over_tls_a_page_without_tls_is_another_site() -> None:
    secure = {"headers": COOKIE | {"Origin": "https://localhost"}, "scheme": "wss"}
    plain = {"headers": COOKIE | {"Origin": "http://localhost"}, "scheme": "wss"}

    assert await greeting(build(), "/cookies", **secure) == {"to": "bob"}
    assert (await refusal(build(), "/cookies", **plain))[0] == 401


async def test_two_origins_are_none() -> None:
    headers = Headers([*COOKIE.items(), ("Origin", "http://localhost")])
    headers.add("Origin", "http://localhost")

    assert (await refusal(build(), "/cookies", headers=headers))[0] == 401


@pytest.mark.parametrize("origin", ["http://localhost", "http://evil.example"])
async def test_the_csrf_value_opens_a_websocket_and_a_wrong_one_does_not(origin: str) -> None:
    headers = COOKIE | {"Origin": origin}

    for right in (
        {"headers": headers | {"X-CSRF-TOKEN": "csrf-of-access"}},
        {"headers": headers, "query_string": {"csrf_token": "csrf-of-access"}},
    ):
        assert await greeting(build(), "/cookies", **right) == {"to": "bob"}
    wrong = headers | {"X-CSRF-TOKEN": "csrf-of-refresh"}
    assert await refusal(build(), "/cookies", headers=wrong) == (
        401,
        {"msg": "CSRF double submit tokens do not match"},
    )


async def test_with_csrf_protection_off_the_cookie_is_enough() -> None:
    app = build(JWT_COOKIE_CSRF_PROTECT=False)

    assert await greeting(app, "/cookies", headers=COOKIE) == {"to": "bob"}
