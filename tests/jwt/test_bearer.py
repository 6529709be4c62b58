"""Answers of RFC 6750: challenges, scopes, and tokens that nobody keeps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart import Quart, Response
from quart.testing.connections import WebsocketResponseError
from werkzeug.datastructures import Headers

import quartapp.jwt as ours
from quartapp.jwt.bearer import challenge
from tests.jwt.rows import ROWS
from tests.jwt.support import NOW, STYLES, VIEW_STYLES, Row, bearer, build, styled, token

EXPIRED = token(exp=NOW - 9)


async def ask(app: Quart, path: str = "/protected", encoded: str = "", **more: Any) -> Response:
    headers = dict(bearer(encoded)) if encoded else {}
    response = await app.test_client().open(path, headers=headers, **({"method": "GET"} | more))
    assert isinstance(response, Response)
    return response


@pytest.mark.parametrize(
    ("encoded", "path", "status", "code", "text"),
    [
        ("x", "/protected", 401, "invalid_token", "Not enough segments"),
        (token() + "x", "/protected", 401, "invalid_token", "Signature verification failed"),
        (EXPIRED, "/protected", 401, "invalid_token", "Token has expired"),
        (EXPIRED, "/optional", 401, "invalid_token", "Token has expired"),
        (token(jti="revoked"), "/protected", 401, "invalid_token", "Token has been revoked"),
        (token(sub="nobody"), "/protected", 401, "invalid_token", "Error loading the user nobody"),
        (
            token(welcome="no"),
            "/protected",
            401,
            "invalid_token",
            "User claims verification failed",
        ),
        (token(sub=None), "/protected", 401, "invalid_token", "Missing claim: sub"),
        (token(), "/refresh", 401, "invalid_token", "Only refresh tokens are allowed"),
        (
            token(),
            "/fresh",
            401,
            "insufficient_user_authentication",
            "Fresh token required",
        ),
        (
            "two words",
            "/protected",
            400,
            "invalid_request",
            "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'",
        ),
    ],
)
@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_a_refusal_says_what_is_wrong(
    style: str, encoded: str, path: str, status: int, code: str, text: str
) -> None:
    response = await ask(build(style, BEARER_CHALLENGES=True), path, encoded)

    assert response.status_code == status
    assert await response.get_json() == {"msg": text}
    assert response.headers.getlist("WWW-Authenticate") == [
        f'Bearer error="{code}", error_description="{text}"'
    ]


@pytest.mark.parametrize("path", ["/protected", "/refresh", "/cookies", "/json-or-query"])
async def test_without_a_token_no_error_is_named(path: str) -> None:
    response = await ask(build(BEARER_CHALLENGES=True), path)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")

    response = await ask(build(BEARER_CHALLENGES=True, REALM='the "houses"\\'), path)
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="the \\"houses\\"\\\\"'


async def test_a_csrf_value_that_lacks_is_no_fault_of_the_token() -> None:
    app = build(BEARER_CHALLENGES=True)

    response = await app.test_client().post(
        "/cookies", headers={"Cookie": f"access_token_cookie={token()}"}
    )

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("row", [row for row in ROWS if row.status != 200], ids=str)
async def test_every_refusal_has_one_challenge_and_its_own_text(row: Row) -> None:
    app = build(BEARER_CHALLENGES=True, **row.options)

    response = await app.test_client().open(row.path, **row.request)

    assert response.status_code in {400, 401}
    assert len(response.headers.getlist("WWW-Authenticate")) == 1
    assert await response.get_json() == {row.options.get("ERROR_MESSAGE_KEY", "msg"): row.text}


@pytest.mark.parametrize("row", [row for row in ROWS if row.status != 200], ids=str)
async def test_unless_asked_for_there_is_none(row: Row) -> None:
    response = await build(**row.options).test_client().open(row.path, **row.request)

    assert response.status_code == row.status
    assert "WWW-Authenticate" not in response.headers


async def test_it_is_read_at_each_use(app: Quart) -> None:
    assert (await ask(app, encoded="x")).status_code == 422

    app.config["JWT_BEARER_CHALLENGES"] = True
    assert (await ask(app, encoded="x")).status_code == 401


@pytest.mark.parametrize("style", STYLES)
async def test_a_callback_s_answer_gets_the_challenge_and_keeps_its_status(style: str) -> None:
    app = build(BEARER_CHALLENGES=True)
    manager = app.extensions["flask-jwt-extended"]
    manager.invalid_token_loader(styled(style, lambda text: ({"own": text}, 401)))
    manager.expired_token_loader(styled(style, lambda _, __: ("late", 418)))
    manager.unauthorized_loader(styled(style, lambda _: ("", 401, {"WWW-Authenticate": "Own x=y"})))

    response = await ask(app, encoded="x")
    assert await response.get_json() == {"own": "Not enough segments"}
    assert response.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    response = await ask(app, encoded=EXPIRED)
    assert (response.status_code, "WWW-Authenticate" in response.headers) == (418, False)
    response = await ask(app)
    assert response.headers.getlist("WWW-Authenticate") == ["Own x=y"]


async def test_a_handshake_is_refused_with_a_challenge_too() -> None:
    app = build(BEARER_CHALLENGES=True)

    @app.websocket("/ws")
    @ours.jwt_required()
    async def ws() -> None:
        """Never reached."""

    with pytest.raises(WebsocketResponseError) as caught:
        async with app.test_client().websocket("/ws") as connection:
            await connection.receive()
    assert caught.value.response.status_code == 401
    assert caught.value.response.headers["WWW-Authenticate"] == "Bearer"


NASTY = [
    '"',
    "\\",
    'a", scope="admin',
    "\r\nSet-Cookie: a=b",
    "\x00\x7f",
    "\u00fcn\u00efcode",
    "x" * 5_000,
]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_gets_out_of_its_quotes(text: str) -> None:
    parsed = read(challenge("invalid_token", text, realm=text, scopes=("a", "b")))

    assert set(parsed) == {"realm", "error", "error_description", "scope"}
    assert parsed["scope"] == "a b"
    assert len(parsed["error_description"]) <= 200


def test_a_description_that_quotes_stays_readable() -> None:
    parsed = read(challenge("invalid_token", 'The token is missing the "aud" claim'))

    assert parsed["error_description"] == "The token is missing the 'aud' claim"


@given(st.text(), st.text(), st.lists(st.text()))
def test_whatever_the_texts_hold_a_header_can_be_read(
    text: str, realm: str, scopes: list[str]
) -> None:
    value = challenge("invalid_token", text, realm=realm, scopes=tuple(scopes))

    assert value.isascii()
    assert value.isprintable()
    assert read(value)["error"] == "invalid_token"
    Headers().add("WWW-Authenticate", value)


def read(value: str) -> dict[str, str]:
    """Read a challenge by the rules of RFC 9110 section 11.6.1."""
    scheme, _, rest = value.partition(" ")
    assert scheme == "Bearer"
    parameters, position = {}, 0
    while position < len(rest):
        name, _, _ = rest[position:].partition("=")
        position += len(name) + 2
        assert rest[position - 1] == '"'
        content = ""
        while rest[position] != '"':
            position += rest[position] == "\\"
            content += rest[position]
            position += 1
        parameters[name] = content
        position += 1
        if position < len(rest):
            assert rest[position : position + 2] == ", "
            position += 2
    return parameters


async def test_a_user_s_name_cannot_forge_a_header() -> None:
    app = build(BEARER_CHALLENGES=True)
    manager = app.extensions["flask-jwt-extended"]
    manager.user_lookup_loader(styled("def", lambda _, __: None))

    response = await ask(app, encoded=token(sub='bob", scope="admin\r\nX: y'))

    parsed = read(response.headers["WWW-Authenticate"])
    assert set(parsed) == {"error", "error_description"}
    assert "X" not in response.headers


async def test_an_answer_with_tokens_is_kept_by_nobody() -> None:
    app = build()

    @app.post("/login")
    async def login() -> Response:
        return ours.token_response({"access_token": "a"}, 201)

    @app.post("/own")
    async def own() -> Response:
        response = Response("a", headers={"Cache-Control": "public, max-age=60"})
        ours.no_store(response)
        return response

    for path, status in (("/login", 201), ("/own", 200)):
        response = await ask(app, path, method="POST")
        assert response.status_code == status
        assert response.headers.getlist("Cache-Control") == ["no-store"]
        assert response.headers.getlist("Pragma") == ["no-cache"]


async def test_cookies_change_no_caching_outside_the_strict_profile() -> None:
    response = await ask(build(), "/cookies/set")

    assert "Cache-Control" not in response.headers
