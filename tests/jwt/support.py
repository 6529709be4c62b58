"""One small application, built on Quart with quartapp.jwt and, for comparison, on Flask."""

from __future__ import annotations

import base64
import functools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt as pyjwt
from quart import Quart
from quart import Response as QuartResponse
from quart import request as quart_request
from werkzeug.datastructures import Headers

import quartapp.jwt as ours

KEY = "a secret of the tests, long enough for HS256"
NOW = int(time.time())
DAY = 86_400

# How a callback or a view can be written; each has to be awaited where it can be.
VIEW_STYLES = ("def", "async def")
STYLES = (*VIEW_STYLES, "partial", "object", "def giving an awaitable")


def styled(style: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the plain function written in another style."""

    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    class Callee:
        async def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

    def giving_an_awaitable(*args: Any, **kwargs: Any) -> Awaitable[Any]:
        return asynchronous(*args, **kwargs)

    written: dict[str, Callable[..., Any]] = {
        "def": function,
        "async def": asynchronous,
        "partial": functools.partial(asynchronous),
        "object": Callee(),
        "def giving an awaitable": giving_an_awaitable,
    }
    return written[style]


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a valid access token; None takes a claim away."""
    base: dict[str, Any] = {
        "fresh": False,
        "iat": NOW - 1,
        "jti": "6f1f2d0c-0000-4000-8000-000000000001",
        "type": "access",
        "sub": "bob",
        "nbf": NOW - 1,
        "csrf": "csrf-of-access",
        "exp": NOW + DAY,
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def token(*, headers: dict[str, Any] | None = None, key: str = KEY, **changes: Any) -> str:
    """Return a token signed with HS256."""
    return pyjwt.encode(claims(**changes), key, algorithm="HS256", headers=headers)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed_raw(payload: bytes, header: bytes = b'{"alg":"HS256","typ":"JWT"}') -> str:
    """Return a token over these very bytes, signed with HS256, whatever they say."""
    algorithm = pyjwt.get_algorithm_by_name("HS256")
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(algorithm.sign(signed.encode(), KEY.encode()))}"


def unsigned(header: Mapping[str, Any], signature: str = "", **changes: Any) -> str:
    """Return a token with this header and whatever stands for a signature."""
    segments = (b64(json.dumps(part).encode()) for part in (header, claims(**changes)))
    return ".".join([*segments, signature])


def bearer(encoded: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {encoded}"),)


@dataclass(frozen=True)
class Row:
    """One request and what it is answered; `text` None means that it is let in."""

    name: str
    status: int
    text: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    path: str = "/protected"
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    options: Mapping[str, Any] = field(default_factory=dict)
    # Answered otherwise by the original: a fault there, or stricter here.
    differs: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def request(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "headers": Headers(list(self.headers)),
            "query_string": dict(self.query) or None,
            "data": self.body,
        }


GUARDS: dict[str, dict[str, Any]] = {
    "/protected": {},
    "/optional": {"optional": True},
    "/fresh": {"fresh": True},
    "/refresh": {"refresh": True},
    "/any-type": {"verify_type": False},
    "/not-asked": {"skip_revocation_check": True},
    "/cookies": {"locations": "cookies"},
    "/refresh-cookies": {"locations": ["cookies"], "refresh": True},
    "/json-or-query": {"locations": ["json", "query_string"]},
    "/refresh-json": {"locations": "json", "refresh": True},
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def add_callbacks(manager: Any, style: str) -> None:
    """Let the claims of a token decide what the callbacks say."""
    manager.token_in_blocklist_loader(styled(style, lambda _, c: c["jti"] == "revoked"))
    manager.token_verification_loader(styled(style, lambda _, c: c.get("welcome") != "no"))
    manager.user_lookup_loader(
        styled(style, lambda _, c: None if c["sub"] == "nobody" else {"name": c["sub"]})
    )


def report(package: Any) -> dict[str, Any]:
    return {
        "identity": package.get_jwt_identity(),
        "location": package.get_jwt_request_location(),
        "user": package.get_current_user(),
        "header": package.get_jwt_header(),
        "claims": package.get_jwt(),
    }


def build(style: str = "async def", callbacks: str | None = None, **options: Any) -> Quart:
    """Return the application on Quart, its views and callbacks written in the given styles."""
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config.update({f"JWT_{name}": value for name, value in options.items()})
    manager = ours.JWTManager(app)
    add_callbacks(manager, callbacks or style)
    for path, guard in GUARDS.items():
        view = styled(style, lambda: report(ours))
        app.add_url_rule(path, path, ours.jwt_required(**guard)(named(view, path)), methods=METHODS)

    @app.get("/cookies/set")
    async def set_cookies() -> QuartResponse:
        response = QuartResponse("set")
        lifetime = {name: int(value) for name, value in quart_request.args.items()}
        await ours.set_access_cookies(response, token(), **lifetime)  # type: ignore[arg-type]
        await ours.set_refresh_cookies(response, token(type="refresh"), domain="example.org")
        return response

    @app.get("/cookies/unset")
    async def unset_cookies() -> QuartResponse:
        response = QuartResponse("unset")
        ours.unset_jwt_cookies(response)
        ours.unset_access_cookies(response, domain="example.org")
        ours.unset_refresh_cookies(response)
        return response

    return app


def named(view: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Give a view the name that a router wants."""
    if not hasattr(view, "__name__"):
        vars(view)["__name__"] = name
    return view
