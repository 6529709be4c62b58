"""What attackers send: every row is refused, none is a fault of the server."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from quart import Quart
from werkzeug.datastructures import Headers

import quartapp.jwt as ours
from tests.jwt.support import (
    KEY,
    NOW,
    b64,
    bearer,
    build,
    claims,
    signed_raw,
    unsigned,
)
from tests.jwt.token_rows import ACCESS, REFRESH

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
            "[]",
            "{}",
        )
    },
    "exp a time as a text": with_claim("exp", f'"{NOW + 999}"'),
    "nbf a time as a text": with_claim("nbf", f'"{NOW - 999}"'),
    "iat a time as a text": with_claim("iat", f'"{NOW - 999}"'),
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
