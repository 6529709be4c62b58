"""Tokens that are refused for what they hold, and in which order."""

from __future__ import annotations

from typing import Any

import jwt as pyjwt

from tests.jwt.support import DAY, KEY, NOW, Row, b64, bearer, claims, signed_raw, token, unsigned

HS512 = pyjwt.encode(claims(), KEY + KEY, algorithm="HS512")
ACCESS = token()
REFRESH = token(type="refresh", csrf="csrf-of-refresh")


def about(name: str, status: int, text: str | None, encoded: str, **more: Any) -> Row:
    return Row(name, status, text, bearer(encoded), **more)


def wrongly_signed(payload: bytes) -> str:
    return ".".join(map(b64, (b'{"alg":"HS256"}', payload, b"x" * 32)))


TOKENS = [
    about("expired", 401, "Token has expired", token(exp=NOW - 9)),
    about(
        "expired, and of a foreign audience",
        422,
        "Audience doesn't match",
        token(exp=NOW - 9, aud="other"),
        options={"DECODE_AUDIENCE": "ours"},
    ),
    about(
        "expired, and of a foreign issuer",
        422,
        "Invalid issuer",
        token(exp=NOW - 9, iss="other"),
        options={"DECODE_ISSUER": "ours"},
    ),
    about("expired, sub missing", 422, "Missing claim: sub", token(exp=NOW - 9, sub=None)),
    about(
        "a payload that is no JSON, wrongly signed",
        422,
        "Invalid payload string: Expecting value: line 1 column 1 (char 0)",
        wrongly_signed(b"nojson"),
    ),
    about(
        "a payload that is a list, wrongly signed",
        422,
        "Invalid payload string: must be a json object",
        wrongly_signed(b"[1]"),
    ),
    about(
        "expired within the leeway", 200, None, token(exp=NOW - 9), options={"DECODE_LEEWAY": DAY}
    ),
    about("revoked", 401, "Token has been revoked", token(jti="revoked")),
    about("revoked, not asked", 200, None, token(jti="revoked"), path="/not-asked"),
    about("not fresh", 401, "Fresh token required", ACCESS, path="/fresh"),
    about("fresh", 200, None, token(fresh=True), path="/fresh"),
    about("fresh until later", 200, None, token(fresh=NOW + DAY), path="/fresh"),
    about(
        "fresh until a while ago",
        401,
        "Fresh token required",
        token(fresh=NOW - 9.5),
        path="/fresh",
    ),
    about("no fresh claim", 401, "Fresh token required", token(fresh=None), path="/fresh"),
    about("refresh on an access route", 422, "Only non-refresh tokens are allowed", REFRESH),
    about(
        "access on a refresh route", 422, "Only refresh tokens are allowed", ACCESS, path="/refresh"
    ),
    about("refresh on a refresh route", 200, None, REFRESH, path="/refresh"),
    about("refresh where any type will do", 200, None, REFRESH, path="/any-type"),
    about("a token without type is an access token", 200, None, token(type=None)),
    about("an unknown type is an access token", 200, None, token(type="other")),
    about("no user", 401, "Error loading the user nobody", token(sub="nobody")),
    about("not welcome", 400, "User claims verification failed", token(welcome="no")),
    about("no sub", 422, "Missing claim: sub", token(sub=None)),
    about("sub is a number", 422, "Subject must be a string", token(sub=5)),
    about("sub is a number, not verified", 200, None, token(sub=5), options={"VERIFY_SUB": False}),
    about(
        "an identity claim of one's own",
        200,
        None,
        token(uid="bob"),
        options={"IDENTITY_CLAIM": "uid"},
    ),
    about(
        "an identity claim of one's own, missing",
        422,
        "Missing claim: uid",
        ACCESS,
        options={"IDENTITY_CLAIM": "uid"},
    ),
    about("jti is a number", 422, "JWT ID must be a string", token(jti=5)),
    about("a token without jti", 200, None, token(jti=None)),
    about("a foreign audience, none expected", 200, None, token(aud="other")),
    about(
        "no audience",
        422,
        'Token is missing the "aud" claim',
        ACCESS,
        options={"DECODE_AUDIENCE": "me"},
    ),
    about(
        "a wrong audience",
        422,
        "Audience doesn't match",
        token(aud="other"),
        options={"DECODE_AUDIENCE": "me"},
    ),
    about(
        "one audience of several",
        200,
        None,
        token(aud=["me", "other"]),
        options={"DECODE_AUDIENCE": ["x", "me"]},
    ),
    about(
        "no issuer",
        422,
        'Token is missing the "iss" claim',
        ACCESS,
        options={"DECODE_ISSUER": "me"},
    ),
    about(
        "a wrong issuer", 422, "Invalid issuer", token(iss="other"), options={"DECODE_ISSUER": "me"}
    ),
    about("the right issuer", 200, None, token(iss="me"), options={"DECODE_ISSUER": "me"}),
    about("nbf in the future", 422, "The token is not yet valid (nbf)", token(nbf=NOW + DAY)),
    about("iat in the future", 422, "The token is not yet valid (iat)", token(iat=NOW + DAY)),
    about("no exp", 200, None, token(exp=None)),
    about("signed by another key", 422, "Signature verification failed", token(key=KEY + "x")),
    about("another algorithm", 422, "The specified alg value is not allowed", HS512),
    about(
        "algorithm none",
        422,
        "The specified alg value is not allowed",
        unsigned({"alg": "none", "typ": "JWT"}),
    ),
    about("not a JWT", 422, "Not enough segments", "x"),
    about("no base64", 422, "Invalid header padding", "a.b.c"),
    about(
        "a payload that is a list",
        422,
        "Invalid payload string: must be a json object",
        signed_raw(b"[1]"),
    ),
    about(
        "expired comes before wrong type",
        401,
        "Token has expired",
        token(exp=NOW - 9, type="refresh"),
    ),
    about(
        "type comes before fresh",
        422,
        "Only non-refresh tokens are allowed",
        REFRESH,
        path="/fresh",
    ),
    about(
        "fresh comes before revoked",
        401,
        "Fresh token required",
        token(jti="revoked"),
        path="/fresh",
    ),
    about(
        "revoked comes before not welcome",
        401,
        "Token has been revoked",
        token(jti="revoked", welcome="no"),
    ),
    about(
        "not welcome comes before no user",
        400,
        "User claims verification failed",
        token(welcome="no", sub="nobody"),
    ),
    about(
        "no sub comes before wrong type", 422, "Missing claim: sub", token(sub=None, type="refresh")
    ),
]
