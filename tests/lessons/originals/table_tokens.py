"""Requests for the sections on tokens: access tokens, then refresh tokens too."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt

from tests.lessons.originals.memory import Memory
from tests.lessons.originals.scenario import (
    FORM,
    JSON,
    Expect,
    Late,
    Part,
    Scenario,
    Step,
    addresses,
    every_method,
    form,
    get,
    parts,
    remembered,
    sent,
    story,
)
from tests.lessons.originals.setup import PRINTED_KEYS

RIGHT = {"username": "admin", "password": "123456"}
PEOPLE = (("admin", "123456"), ("用户", "密码 ü"))

# The original's view returns nothing for a GET. A form in its place will do.
NO_GET = (Expect(405, allow=frozenset({"POST"})), Expect(200, forms=True))
EITHER_ALLOW = (Expect(200, allow=frozenset({"POST", "OPTIONS"}), original=200),)
ALLOW_POST = (Expect(405, allow=frozenset({"POST", "OPTIONS"}), original=405),)
LOGIN_METHODS = {
    "GET": NO_GET,
    "HEAD": (Expect(405, allow=frozenset({"POST"})), Expect(200)),
    "OPTIONS": EITHER_ALLOW,
    **dict.fromkeys(("PUT", "PATCH", "TRACE", "BREW", "DELETE"), ALLOW_POST),
}

BEARER = remembered("access_token", "Bearer {}")
REFRESH_BEARER = remembered("refresh_token", "Bearer {}")


def _claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "fresh": False,
        "iat": now,
        "jti": "5a1d7fd0-6d5e-4b7f-8a3e-0f7d5f3b9c11",
        "type": "access",
        "sub": "admin",
        "nbf": now,
        "exp": now + 900,
    }
    claims |= changed
    return {key: value for key, value in claims.items() if value is not ...}


NO_TIMES: tuple[Any, ...] = ("x", None, [])
ODD_CLAIMS: tuple[dict[str, Any], ...] = (
    *({name: ...} for name in ("fresh", "iat", "jti", "type", "nbf", "exp", "sub")),
    *({"sub": value} for value in (1, None, ["a"], {"a": 1}, "", "nobody", "<b>")),
    *({"exp": value} for value in NO_TIMES),
    *({"nbf": value} for value in NO_TIMES),
    *({"iat": value} for value in ("x", None)),
    *({"type": value} for value in ("refresh", "other", "", None, 1)),
    *({"jti": value} for value in ("", 1, None)),
    *({"fresh": value} for value in (True, None, 0)),
    {"aud": "somebody"},
    {"iss": "somebody", "more": {"a": [1]}},
)
# No login gives such tokens; Flask's extension takes them, and refusing them is no fault.
TAKEN_OR_REFUSED: tuple[dict[str, Any], ...] = ({"exp": "9999999999"}, {"exp": 1e12}, {"iat": -1})


def _forged(*, key: str | None = None, algorithm: str = "HS256", **changed: Any) -> Late:
    """Return a header with a token of our own making, signed with the application's key."""

    def header(memory: Memory) -> str:
        claims = {
            name: value(int(time.time())) if callable(value) else value
            for name, value in changed.items()
        }
        signed = jwt.encode(
            _claims(**claims), memory.jwt_key if key is None else key, algorithm=algorithm
        )
        return f"Bearer {signed}"

    return header


def _unsigned(claims: str = '{"sub":"admin"}', header: str = '{"alg":"HS256","typ":"JWT"}') -> str:
    pieces = (
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in (header, claims)
    )
    return f"Bearer {'.'.join(pieces)}.c2lnbmF0dXJl"


def _cut(change: str) -> Late:
    def header(memory: Memory) -> str:
        token = memory.kept["access_token"]
        if token.count(".") != 2:
            return f"Bearer {token}"
        head, claims, signature = token.split(".")
        other = "A" if signature[0] != "A" else "B"
        changed = {
            "signature": f"{head}.{claims}.{other}{signature[1:]}",
            "no signature": f"{head}.{claims}.",
            "two pieces": f"{head}.{claims}",
            "four pieces": f"{token}.x",
            "claims": f"{head}.{claims[:-2]}.{signature}",
            "reversed": token[::-1],
        }
        return f"Bearer {changed[change]}"

    return header


def _with(value: str | Late, path: str = "/dashboard", method: str = "GET", **more: Any) -> Step:
    return Step(method, path, {"Authorization": value}, **more)


def _login(*keys: str) -> Step:
    return form("/login", RIGHT, keep=dict.fromkeys(keys, "json"), status=200)


def _wrong(username: str, password: str) -> Step:
    return form("/login", {"username": username, "password": password}, status=401, wording="free")


def _on_both(*keys: str) -> list[Scenario]:
    """Return what both sections answer; `keys` are the tokens that a login gives."""
    return [
        every_method("/login", LOGIN_METHODS),
        every_method("/dashboard"),
        story("the login of the tutorial", _login(*keys), _with(BEARER, status=200)),
        story(
            "a user of another name",
            form(
                "/login", {"username": "用户", "password": "密码 ü"}, keep={"access_token": "json"}
            ),
            _with(BEARER, status=200),
            admins=PEOPLE,
        ),
        story(
            "every method with a token",
            _login(*keys),
            *(
                _with(BEARER, method=method)
                for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE")
            ),
        ),
        story(
            "logins of other shapes",
            parts("/login", Part("username", b"admin"), Part("password", b"123456"), status=200),
            form("/login?username=x", {**RIGHT, "more": "x"}, status=200),
        ),
        story(
            "wrong logins",
            _wrong("admin", "x"),
            _wrong("admin", ""),
            _wrong("", ""),
            _wrong("tom", "123456"),
            _wrong("Admin", "123456"),
            _wrong("admin", "123456 "),
            _wrong("' OR 1=1 --", "x"),
            _wrong("admin\x00", "123456"),
            _wrong("x" * 5000, "y" * 5000),
        ),
        story("nobody has an account", _wrong("admin", "123456"), admins=()),
        story(
            "fields that are missing",
            sent("POST", "/login", b"username=admin", FORM, status=400),
            sent("POST", "/login", b"password=123456", FORM, status=400),
            sent(
                "POST", "/login", b'{"username": "admin", "password": "123456"}', JSON, status=400
            ),
            Step("POST", "/login?username=admin&password=123456", status=400),
            Step("POST", "/login", status=400),
        ),
        story(
            "no token",
            get("/dashboard", status=401),
            *(
                _with(value, status=401)
                for value in (
                    "Basic YTpi",
                    "bearer x",
                    "BEARER x",
                    "Token x",
                    "x",
                    "",
                    "Bearerx",
                    "JWT a.b.c",
                )
            ),
        ),
        story(
            "headers that are malformed",
            *(
                _with(value, status=422)
                for value in ("Bearer", "Bearer ", "Bearer a b", "Bearer a.b.c d")
            ),
            *(
                _with(value)
                for value in (
                    "Bearer  a",
                    "Bearer\ta",
                    " Bearer a",
                    "Bearer a,Bearer b",
                    ",",
                    "Bearer a, b",
                )
            ),
        ),
        story(
            "tokens that are none",
            *(_with(f"Bearer {value}", status=422) for value in ("x", "a.b", "a.b.c", "null")),
            # What is wrong first with a token in pieces is nobody's promise.
            *(
                _with(f"Bearer {value}", status=422, wording="free")
                for value in ("..", "a.b.c.d", "e30.e30.e30", "%00", "=", "你.好.吗", "\udcff.a.b")
            ),
            _with("Bearer " + "x" * 5000, status=422),
            _with(_unsigned(), status=422),
            _with(_unsigned(header="[]"), status=422, wording="free"),
            _with(_unsigned(header="{}"), status=422, wording="free"),
            _with(_unsigned(header='{"alg":"HS256","crit":["x"]}'), status=422, wording="free"),
            _with(_unsigned(header='{"alg":"none"}'), status=422),
            _with(_unsigned(header='{"alg":"HS256","kid":1}'), status=422, wording="free"),
            _with(_unsigned(header='{"alg":"RS256"}'), status=422),
        ),
        story(
            "tokens that were changed",
            _login(*keys),
            *(_with(_cut(how), status=422) for how in ("signature", "no signature", "two pieces")),
            *(
                _with(_cut(how), status=422, wording="free")
                for how in ("four pieces", "claims", "reversed")
            ),
            _with(BEARER, status=200),
        ),
        story(
            "tokens of another signer",
            _with(_forged(key="another key, that is long enough too"), status=422),
            # PyJWT warns of short keys where it signs; so this one is as it was printed.
            _with(f"Bearer {printed_key_token()}", status=422),
            _with(_forged(algorithm="HS384", key="k" * 64), status=422),
            _with(_forged(algorithm="none", key=""), status=422),
        ),
        story(
            "tokens that have expired",
            _with(_forged(exp=lambda now: now - 1), status=401),
            _with(_forged(exp=lambda now: now - 10**6, iat=0, nbf=0), status=401),
            _with(_forged(exp=0), status=401),
            _with(_forged(exp=-1), status=401),
        ),
        story(
            "tokens of a time to come",
            _with(_forged(nbf=lambda now: now + 600), status=422),
            _with(_forged(iat=lambda now: now + 600), status=422),
        ),
        story(
            "claims that are odd or missing",
            *(_with(_forged(**claims)) for claims in ODD_CLAIMS),
            *(
                _with(
                    _forged(**claims),
                    instead=(
                        Expect(200, original=200, json={"logged_in_as": "admin"}),
                        Expect(422, original=200, message=True),
                    ),
                )
                for claims in TAKEN_OR_REFUSED
            ),
        ),
        story(
            "tokens anywhere but in the header",
            _login(*keys),
            Step("GET", lambda memory: f"/dashboard?jwt={memory.kept['access_token']}", status=401),
            get(
                "/dashboard",
                headers={"Cookie": remembered("access_token", "access_token_cookie={}")},
                status=401,
            ),
            get("/dashboard", headers={"X-Authorization": BEARER}, status=401),
        ),
        addresses("other addresses", "/", "/login/", "/dashboard/", "/x", "//dashboard"),
    ]


def printed_key_token() -> str:
    """Return a token signed with the key that the tutorial prints."""

    def piece(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    head = piece(b'{"alg":"HS256","typ":"JWT"}')
    body = f"{head}.{piece(json.dumps(_claims()).encode())}"
    key = PRINTED_KEYS["jwt"].encode()
    return f"{body}.{piece(hmac.new(key, body.encode(), hashlib.sha256).digest())}"


JWT = [*_on_both("access_token"), addresses("no refreshing here", "/refresh", "/refresh/")]

_REFRESH = {"path": "/refresh", "method": "POST"}

JWT_REFRESH = [
    *_on_both("access_token", "refresh_token"),
    every_method("/refresh"),
    story(
        "a new access token",
        _login("access_token", "refresh_token"),
        _with(REFRESH_BEARER, **_REFRESH, keep={"access_token": "json"}, status=200),
        _with(BEARER, status=200),
    ),
    story(
        "tokens of the wrong type",
        _login("access_token", "refresh_token"),
        _with(BEARER, **_REFRESH, status=422),
        _with(REFRESH_BEARER, status=422),
        _with(BEARER, status=200),
    ),
    story(
        "refreshing without a good token",
        Step("POST", "/refresh", status=401),
        *(
            _with(value, **_REFRESH)
            for value in ("Basic YTpi", "bearer x", "Bearer", "Bearer a b", "Bearer x")
        ),
        _with(_forged(type="refresh", exp=lambda now: now - 1), **_REFRESH, status=401),
        _with(_forged(type="refresh", nbf=lambda now: now + 600), **_REFRESH, status=422),
        _with(
            _forged(type="refresh", key="another key, that is long enough too"),
            **_REFRESH,
            status=422,
        ),
        _with(_forged(type="access"), **_REFRESH, status=422),
        _with(_forged(type=...), **_REFRESH, status=422),
        sent("POST", "/refresh", b'{"refresh_token": "x"}', JSON, status=401),
    ),
    story(
        "every method on /refresh with a token",
        _login("access_token", "refresh_token"),
        *(
            _with(REFRESH_BEARER, path="/refresh", method=method)
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
        ),
    ),
    addresses("other addresses of this one", "/refresh/", "/refresh/x", "//refresh"),
]
