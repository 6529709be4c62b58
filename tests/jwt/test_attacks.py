"""What attackers send: every row is refused, none is a fault of the server."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from quart import Quart
from quart.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers

import quartapp.jwt as ours
from quartapp.jwt import claims as claims_module
from tests.jwt.rows import ACCESS, ACCESS_COOKIE, ALL, CSRF, REFRESH, REFRESH_COOKIE
from tests.jwt.support import (
    KEY,
    NOW,
    Row,
    b64,
    bearer,
    build,
    claims,
    signed_raw,
    token,
    unsigned,
)

REFUSALS = {400, 401, 422}

HEAD, BODY, SIGNATURE = ACCESS.split(".")
PRIVATE = rsa.generate_private_key(65_537, 2048)
PUBLIC_PEM = PRIVATE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
PUBLIC_DER = PRIVATE.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)


def hmac_with(secret: bytes, header: dict[str, Any]) -> str:
    """Sign with HMAC-SHA256 by hand: a library would refuse such secrets."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims()).encode())}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def with_payload(text: str) -> str:
    """Sign the claims with one more member written out by hand."""
    return signed_raw(f"{json.dumps(claims())[:-1]}, {text}}}".encode())


def with_claim(name: str, literal: str) -> str:
    return signed_raw(f'{json.dumps(claims(**{name: None}))[:-1]}, "{name}": {literal}}}'.encode())


def with_header(header: str) -> str:
    return signed_raw(json.dumps(claims()).encode(), header.encode())


FORGED = {
    **{
        f"alg {alg!r}": unsigned({"alg": alg, "typ": "JWT"}, signature)
        for alg in ("none", "None", "NONE", "nOnE", "none ", " none", "", "none\x00", "n\u03bfne")
        for signature in ("",)
    },
    "alg none with the old signature": unsigned({"alg": "none"}, SIGNATURE),
    "alg none without the last dot": unsigned({"alg": "none"}).rstrip("."),
    "no alg": unsigned({"typ": "JWT"}, SIGNATURE),
    "alg null": unsigned({"alg": None}, SIGNATURE),
    "alg a list": unsigned({"alg": ["HS256"]}, SIGNATURE),
    "alg an object": unsigned({"alg": {"HS256": 1}}, SIGNATURE),
    "alg a number": unsigned({"alg": 256}, SIGNATURE),
    "alg in lower case": unsigned({"alg": "hs256"}, SIGNATURE),
    "alg RS256 with the secret's HMAC": hmac_with(KEY.encode(), {"alg": "RS256"}),
    "alg HS512 with an HS256 signature": hmac_with(KEY.encode(), {"alg": "HS512"}),
    "an empty secret": hmac_with(b"", {"alg": "HS256"}),
    "a key in jwk": hmac_with(
        b"mine", {"alg": "HS256", "jwk": {"kty": "oct", "k": b64(b"mine"), "alg": "HS256"}}
    ),
    "a key by jku": hmac_with(b"mine", {"alg": "HS256", "jku": "http://127.0.0.1:9/keys"}),
    "a key by x5u": hmac_with(b"mine", {"alg": "HS256", "x5u": "file:///etc/passwd"}),
    "a key in x5c": hmac_with(b"mine", {"alg": "HS256", "x5c": ["AAAA"]}),
    "kid a path": hmac_with(b"", {"alg": "HS256", "kid": "../../../../dev/null"}),
    "kid SQL": hmac_with(b"x", {"alg": "HS256", "kid": "' UNION SELECT 'x' --"}),
    "kid with a null byte": hmac_with(b"x", {"alg": "HS256", "kid": "a\x00b"}),
    "kid of 10 KB": hmac_with(b"x", {"alg": "HS256", "kid": "k" * 10_240}),
    "signature stripped": f"{HEAD}.{BODY}.",
    "signature and dot stripped": f"{HEAD}.{BODY}",
    "signature truncated": ACCESS[:-4],
    "signature truncated by one": ACCESS[:-1],
    "signature lengthened": ACCESS + "AAAA",
    "signature re-padded": ACCESS + "=",
    "header re-padded": f"{HEAD}=.{BODY}.{SIGNATURE}",
    "payload re-padded": f"{HEAD}.{BODY}==.{SIGNATURE}",
    "signature of zeros": f"{HEAD}.{BODY}.{'A' * 43}",
    "signature in the other alphabet": f"{HEAD}.{BODY}.{SIGNATURE[:-2]}+/",
    "signature of another token": f"{HEAD}.{BODY}.{REFRESH.split('.')[2]}",
    "payload of another token": f"{HEAD}.{REFRESH.split('.')[1]}.{SIGNATURE}",
    "last bits of the signature changed": ACCESS[:-1]
    + ("B" if ACCESS[-1] == "A" else chr(ord(ACCESS[-1]) + 1)),
    "four segments": f"{ACCESS}.{SIGNATURE}",
    "five segments": f"{ACCESS}.x.y",
    "dots alone": "..",
    "a line feed within": f"{HEAD}.\n{BODY}.{SIGNATURE}",
    "a null byte within": f"{HEAD}.{BODY}\x00.{SIGNATURE}",
    "percent signs": ACCESS.replace(".", "%2E"),
    "not ASCII": "\u00fc.\u00e9.\u00e0",
    "a full-width dot": ACCESS.replace(".", "\uff0e"),
    "header no JSON": f"{b64(b'{')}.{BODY}.{SIGNATURE}",
    "header a list": f"{b64(b'[]')}.{BODY}.{SIGNATURE}",
    "header not UTF-8": f"{b64(bytes([255, 254, 253]))}.{BODY}.{SIGNATURE}",
    "header nested": f"{b64(b'[' * 5000)}.{BODY}.{SIGNATURE}",
    "header with a long number": b64(b'{"alg":' + b"9" * 5000 + b"}") + f".{BODY}.{SIGNATURE}",
    "crit with a lone surrogate": unsigned({"alg": "HS256", "crit": ["\ud800"]}, SIGNATURE),
}

# Signed with the right key all the same: what a careless issuer, or one tricked, would sign.
SIGNED = {
    "crit unknown": with_header('{"alg":"HS256","crit":["exp"],"exp":1}'),
    "crit empty": with_header('{"alg":"HS256","crit":[]}'),
    "crit a text": with_header('{"alg":"HS256","crit":"exp"}'),
    "crit of numbers": with_header('{"alg":"HS256","crit":[1]}'),
    "crit b64": with_header('{"alg":"HS256","crit":["b64"],"b64":false}'),
    "b64 without crit": with_header('{"alg":"HS256","b64":false}'),
    "kid a number": with_header('{"alg":"HS256","kid":5}'),
    "kid null": with_header('{"alg":"HS256","kid":null}'),
    "kid a list": with_header('{"alg":"HS256","kid":["a"]}'),
    "alg twice": with_header('{"alg":"none","alg":"HS256"}'),
    "sub twice": with_payload('"sub": "admin"'),
    "exp twice": with_payload(f'"exp": {NOW + 99_999}'),
    "a member twice within a claim": with_payload('"roles": {"a": 1, "a": 2}'),
    "payload a list": signed_raw(b"[]"),
    "payload a text": signed_raw(b'"x"'),
    "payload null": signed_raw(b"null"),
    "payload empty": signed_raw(b""),
    "payload not UTF-8": signed_raw(b'{"sub":"\xff"}'),
    "payload UTF-16": signed_raw(json.dumps(claims()).encode("utf-16")),
    "payload nested": signed_raw(b"[" * 12_000),
    "sub null": with_claim("sub", "null"),
    "sub a number": with_claim("sub", "1"),
    "sub a list": with_claim("sub", '["bob"]'),
    "sub true": with_claim("sub", "true"),
    "jti null": with_claim("jti", "null"),
    "jti a list": with_claim("jti", "[]"),
    **{
        f"{name} {literal}": with_claim(name, literal)
        for name in ("exp", "nbf", "iat")
        for literal in (
            "NaN",
            "Infinity",
            "-Infinity",
            "-1",
            "1e400",
            "-1e300",
            "1e300",
            "9" * 400,
            "9" * 5000,
            "253402300800",
            "null",
            '""',
            '"x"',
            f'"{NOW + 999 if name == "exp" else NOW - 999}"',
            "[]",
            "{}",
        )
    },
    # True is 1, a second of 1970: in the past, and no time.
    **{
        f"{name} {lit}": with_claim(name, lit)
        for name in ("exp", "nbf", "iat")
        for lit in ("true", "false")
    },
}


@pytest.mark.parametrize("place", ["headers", "cookies", "query_string", "json"])
@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused_in_every_place(name: str, place: str) -> None:
    # A proxy or a browser may send any bytes; what cannot stand in a header is left out there.
    encoded = FORGED[name]
    if place in {"headers", "cookies"} and not (encoded.isascii() and encoded.isprintable()):
        encoded = (
            encoded.encode("ascii", "replace").decode().replace("\n", "?").replace("\x00", "?")
        )
    requests: dict[str, Callable[[], dict[str, Any]]] = {
        "headers": lambda: {"headers": Headers(bearer(encoded))},
        "cookies": lambda: {"headers": {"Cookie": f"access_token_cookie={encoded}"}},
        "query_string": lambda: {"query_string": {"jwt": encoded}},
        "json": lambda: {"json": {"access_token": encoded}},
    }
    client = build(TOKEN_LOCATION=[place], MAX_TOKEN_LENGTH=None).test_client()

    response = await client.open("/protected", method="GET", **requests[place]())

    assert response.status_code in REFUSALS
    assert set(await response.get_json()) == {"msg"}


@pytest.mark.parametrize("name", SIGNED)
async def test_a_token_that_says_nonsense_is_refused_although_signed(name: str) -> None:
    client = build().test_client()

    response = await client.get("/protected", headers=dict(bearer(SIGNED[name])))

    assert response.status_code in REFUSALS
    assert set(await response.get_json()) == {"msg"}


@pytest.mark.parametrize(
    "fresh", ['"yes"', '"1"', "NaN", "Infinity", "null", "[]", "{}", "-1", "0", '"9999999999"']
)
async def test_a_fresh_claim_that_is_no_time_is_not_fresh(fresh: str) -> None:
    client = build().test_client()

    response = await client.get("/fresh", headers=dict(bearer(with_claim("fresh", fresh))))

    assert response.status_code == 401
    assert await response.get_json() == {"msg": "Fresh token required"}


CONFUSED = {
    "public key, PEM, as the secret": hmac_with(PUBLIC_PEM, {"alg": "HS256"}),
    "public key, stripped PEM, as the secret": hmac_with(PUBLIC_PEM.strip(), {"alg": "HS256"}),
    "public key, DER, as the secret": hmac_with(PUBLIC_DER, {"alg": "HS256"}),
    "the claim to be RS256 over an HMAC": hmac_with(PUBLIC_PEM, {"alg": "RS256"}),
    "none": unsigned({"alg": "none"}),
    "ES256 over nothing": unsigned({"alg": "ES256"}, b64(b"\x00" * 64)),
    "PS256 over nothing": unsigned({"alg": "PS256"}, b64(b"\x00" * 256)),
    "RS256 over nothing": unsigned({"alg": "RS256"}, b64(b"\x00" * 256)),
    "RS256 with a short signature": unsigned({"alg": "RS256"}, "AAAA"),
    "EdDSA over nothing": unsigned({"alg": "EdDSA"}, b64(b"\x00" * 64)),
}


@pytest.mark.parametrize("name", CONFUSED)
@pytest.mark.parametrize(
    "algorithms", [None, ["HS256"], ["RS256", "HS256", "ES256", "PS256", "EdDSA", "none"]]
)
@pytest.mark.parametrize("key", [PUBLIC_PEM, PUBLIC_PEM.decode(), PRIVATE.public_key()])
async def test_a_public_key_is_never_taken_for_a_secret(
    name: str, algorithms: list[str] | None, key: Any
) -> None:
    app = build(ALGORITHM="RS256", PUBLIC_KEY=key, DECODE_ALGORITHMS=algorithms)
    client = app.test_client()

    response = await client.get("/protected", headers=dict(bearer(CONFUSED[name])))
    genuine = pyjwt.encode(claims(), PRIVATE, algorithm="RS256")
    let_in = await client.get("/protected", headers=dict(bearer(genuine)))

    assert (response.status_code, let_in.status_code) == (422, 200)


@pytest.mark.parametrize("chosen", ["rsa", "hmac"])
@pytest.mark.parametrize("alg", ["RS256", "HS256", "none"])
async def test_a_kid_cannot_marry_a_key_to_another_algorithm(chosen: str, alg: str) -> None:
    keys = {"rsa": PUBLIC_PEM.decode(), "hmac": KEY}
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config["JWT_DECODE_ALGORITHMS"] = ["HS256"] if chosen == "rsa" else ["RS256", "HS256"]
    manager = ours.JWTManager(app)
    manager.decode_key_loader(lambda header, _: keys[header["kid"]])

    @app.get("/")
    @ours.jwt_required()
    async def view() -> str:
        return "in"

    forged = hmac_with(keys["rsa"].encode(), {"alg": alg, "kid": chosen})
    response = await app.test_client().get("/", headers=dict(bearer(forged)))

    assert response.status_code == 422


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
    encoded = unsigned({"alg": "HS256", "crit": ["x" * 9000]}, SIGNATURE)

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
