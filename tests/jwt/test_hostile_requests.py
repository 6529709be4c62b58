"""Requests meant to harm, and tokens at the very second of their end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from quart.json.provider import DefaultJSONProvider

from quartapp.jwt import claims as claims_module
from tests.jwt.rows import ACCESS_COOKIE, ALL, CSRF, REFRESH_COOKIE
from tests.jwt.support import (
    NOW,
    Row,
    bearer,
    build,
    token,
    unsigned,
)
from tests.jwt.token_rows import ACCESS

COOKIES_ONLY = {"TOKEN_LOCATION": ["cookies"]}
REQUESTS = [
    Row("two tokens in two headers", 401, headers=bearer(ACCESS) + bearer(ACCESS)),
    Row("a valid token after a forged one", 401, headers=bearer("x") + bearer(ACCESS)),
    Row("a scheme that is not ASCII", 401, headers=(("Authorization", f"Be\u00e4rer {ACCESS}"),)),
    Row("a header of commas", 401, headers=(("Authorization", "," * 5000),)),
    Row("a header of words", 422, headers=(("Authorization", "Bearer" + " x" * 5000),)),
    Row("1 MB in a header", 422, "Token is too long", bearer("A" * 1_000_000)),
    Row("1 MB of dots", 422, "Token is too long", bearer("." * 1_000_000)),
    Row(
        "1 MB in a cookie",
        422,
        "Token is too long",
        (("Cookie", "access_token_cookie=" + "A" * 1_000_000),),
        options=COOKIES_ONLY,
    ),
    Row(
        "1 MB in the query string",
        422,
        "Token is too long",
        query={"jwt": "A" * 1_000_000},
        options={"TOKEN_LOCATION": ["query_string"]},
    ),
    *(
        Row(
            name,
            status,
            text,
            (("Content-Type", "application/json"),),
            method="POST",
            body=body,
            options={"TOKEN_LOCATION": ["json"]},
        )
        for name, status, text, body in (
            (
                "1 MB in JSON",
                422,
                "Token is too long",
                b'{"access_token": "' + b"A" * 1_000_000 + b'"}',
            ),
            ("JSON nested", 401, None, b"[" * 100_000),
            ("JSON objects nested", 401, None, b'{"access_token":' * 50_000),
            ("JSON not UTF-8", 401, None, b'{"access_token": "\xff\xfe"}'),
            ("JSON UTF-16", 401, None, '{"access_token": "x"}'.encode("utf-16")),
            ("JSON with a byte order mark", 401, None, b'\xef\xbb\xbf{"access_token": "x"}'),
            ("JSON with a long number", 401, None, b"9" * 5000),
            ("JSON null", 401, None, b"null"),
            ("JSON false", 401, None, b"false"),
            ("JSON NaN", 401, None, b"NaN"),
            ("a token that is a list", 422, None, b'{"access_token": ["x"]}'),
            ("a token that is an object", 422, None, b'{"access_token": {"a": 1}}'),
            ("a token that is true", 422, None, b'{"access_token": true}'),
            ("a token with a lone surrogate", 422, None, b'{"access_token": "a.\\ud800.c"}'),
            (
                "a token twice, the last wins",
                422,
                None,
                b'{"access_token": "' + ACCESS.encode() + b'", "access_token": "x"}',
            ),
        )
    ),
    Row("CSRF value missing", 401, headers=(ACCESS_COOKIE,), method="POST", options=COOKIES_ONLY),
    Row(
        "CSRF value not ASCII",
        401,
        headers=(ACCESS_COOKIE, ("X-CSRF-TOKEN", "\u00fc\u00e9")),
        method="POST",
        options=COOKIES_ONLY,
    ),
    Row(
        "CSRF value long",
        401,
        headers=(ACCESS_COOKIE, ("X-CSRF-TOKEN", "x" * 60_000)),
        method="POST",
        options=COOKIES_ONLY,
    ),
    Row(
        "CSRF value in the query string",
        401,
        headers=(ACCESS_COOKIE,),
        method="POST",
        query={"csrf_token": "csrf-of-access"},
        options=COOKIES_ONLY,
    ),
    Row(
        "CSRF value of the access token for the refresh token",
        401,
        headers=(REFRESH_COOKIE, CSRF),
        path="/refresh-cookies",
        method="POST",
    ),
    Row(
        "CSRF value of the refresh token for the access token",
        401,
        headers=(ACCESS_COOKIE, ("X-CSRF-TOKEN", "csrf-of-refresh")),
        method="POST",
        options=COOKIES_ONLY,
    ),
    Row(
        "csrf claim a number",
        401,
        headers=(("Cookie", f"access_token_cookie={token(csrf=5)}"), ("X-CSRF-TOKEN", "5")),
        method="POST",
        options=COOKIES_ONLY,
    ),
    Row(
        "csrf claim empty",
        401,
        headers=(("Cookie", f"access_token_cookie={token(csrf='')}"), ("X-CSRF-TOKEN", "")),
        method="POST",
        options=COOKIES_ONLY,
    ),
    Row(
        "a form not UTF-8 where its CSRF value is read",
        401,
        headers=(ACCESS_COOKIE, ("Content-Type", "application/x-www-form-urlencoded")),
        method="POST",
        body=b"csrf_token=%ff%fe&\xff=\xfe",
        options=COOKIES_ONLY | {"CSRF_CHECK_FORM": True},
    ),
    Row(
        "a form that is no form",
        401,
        headers=(ACCESS_COOKIE, ("Content-Type", "multipart/form-data; boundary=x")),
        method="POST",
        body=b"--y\r\n\r\n",
        options=COOKIES_ONLY | {"CSRF_CHECK_FORM": True},
    ),
    *(
        Row(
            f"a multipart form {name}",
            401,
            headers=(ACCESS_COOKIE, ("Content-Type", f"multipart/form-data{boundary}")),
            method="POST",
            body=body,
            options=COOKIES_ONLY | {"CSRF_CHECK_FORM": True},
        )
        for name, boundary, body in (
            ("without a boundary", "", b"--x\r\n\r\n--x--"),
            ("with an empty boundary", "; boundary=", b"----"),
            ("with a boundary that is not ASCII", "; boundary=\u00fc", b"--\xfc--"),
            ("with a header that is none", "; boundary=x", b"--x\r\nx\r\n\r\ny\r\n--x--"),
            ("cut short", "; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a"),
            ("without names", "; boundary=x", b"--x\r\nA: b\r\n\r\ny\r\n--x--"),
        )
    ),
    Row(
        "a query string not UTF-8",
        422,
        path="/protected?jwt=%ff.x.y",
        options={"TOKEN_LOCATION": ["query_string"]},
    ),
    Row(
        "a cookie not ASCII",
        422,
        headers=(("Cookie", "access_token_cookie=\u00fc.x.y"),),
        options=COOKIES_ONLY,
    ),
    Row(
        "an empty cookie", 401, headers=(("Cookie", "access_token_cookie="),), options=COOKIES_ONLY
    ),
    Row(
        "a forged token before a valid one elsewhere",
        422,
        headers=(*bearer("x"), ACCESS_COOKIE),
        options=ALL,
    ),
    Row(
        "an access token where a refresh token is wanted",
        422,
        headers=bearer(ACCESS),
        path="/refresh",
    ),
    Row("a type that is a list", 422, headers=bearer(token(type=["refresh"])), path="/refresh"),
]


@pytest.mark.parametrize("row", REQUESTS, ids=str)
async def test_a_request_meant_to_harm_is_refused(row: Row) -> None:
    app = build(**row.options)
    app.config["MAX_CONTENT_LENGTH"] = 4_000_000

    response = await app.test_client().open(row.path, **row.request)

    assert response.status_code == row.status
    body = await response.get_json()
    assert set(body) == {"msg"}
    if row.text is not None:
        assert body["msg"] == row.text


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> int:
    """A clock that stands still at a full second."""
    monkeypatch.setattr(claims_module, "time", SimpleNamespace(time=lambda: float(NOW)))
    return NOW


@pytest.mark.parametrize(
    ("claim", "leeway", "offset", "let_in"),
    [
        ("exp", 0, -1, False),
        ("exp", 0, 0, False),
        ("exp", 0, 0.9, False),
        ("exp", 0, 1, True),
        ("exp", 5, -5, False),
        ("exp", 5, -4, True),
        ("nbf", 0, 0, True),
        ("nbf", 0, 0.9, True),
        ("nbf", 0, 1, False),
        ("nbf", 5, 5, True),
        ("nbf", 5, 6, False),
        ("iat", 0, 0, True),
        ("iat", 0, 1, False),
        ("iat", 5, 5, True),
        ("iat", 5, 6, False),
        ("fresh", 0, 0, True),
        ("fresh", 0, -0.001, False),
        ("fresh", 5, -1, False),
    ],
)
async def test_a_time_holds_until_its_very_second(
    second: int, claim: str, leeway: int, offset: float, let_in: bool
) -> None:
    app = build(DECODE_LEEWAY=leeway)
    path = "/fresh" if claim == "fresh" else "/protected"

    response = await app.test_client().get(
        path, headers=dict(bearer(token(**dict[str, Any]({claim: second + offset}))))
    )

    assert (response.status_code == 200) is let_in


async def test_a_token_in_the_last_second_of_the_calendar_is_let_in() -> None:
    encoded = token(exp=253_402_300_799)

    response = await build().test_client().get("/protected", headers=dict(bearer(encoded)))

    assert response.status_code == 200


async def test_a_refusal_names_no_more_than_a_part_of_what_was_sent() -> None:
    encoded = unsigned({"alg": "HS256", "crit": ["x" * 9000]}, ACCESS.rpartition(".")[2])

    response = await build().test_client().get("/protected", headers=dict(bearer(encoded)))

    assert response.status_code == 422
    assert len((await response.get_json())["msg"]) <= 500


class Strange(DefaultJSONProvider):
    """A JSON library whose errors are no ValueError, as those of some are not."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        raise StrangeError


class StrangeError(Exception):
    """What such a library raises."""


async def test_json_that_its_library_refuses_in_its_own_way_holds_no_token() -> None:
    app = build(TOKEN_LOCATION=["json"])
    app.json = Strange(app)

    response = await app.test_client().post(
        "/protected", data=b"{}", headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 401
