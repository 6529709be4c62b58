"""The same requests to Flask-JWT-Extended on Flask and to quartapp.jwt on Quart."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import flask
import flask_jwt_extended as original
import flask_jwt_extended.exceptions as original_exceptions
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask_jwt_extended.config import config as original_config
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt import exceptions
from quartapp.jwt.config import config
from tests.jwt.rows import ACCESS_COOKIE, ROWS
from tests.jwt.support import (
    DAY,
    GUARDS,
    KEY,
    METHODS,
    NOW,
    Row,
    add_callbacks,
    bearer,
    build,
    claims,
    report,
    signed_raw,
    token,
)

AWAITED = {
    "verify_jwt_in_request",
    "create_access_token",
    "create_refresh_token",
    "decode_token",
    "get_jti",
    "get_csrf_token",
    "set_access_cookies",
    "set_refresh_cookies",
}
PLAIN = {
    "get_jwt",
    "get_jwt_header",
    "get_jwt_identity",
    "get_current_user",
    "get_unverified_jwt_headers",
    "get_jwt_request_location",
    "unset_jwt_cookies",
    "unset_access_cookies",
    "unset_refresh_cookies",
    "jwt_required",
}


def build_original(**options: Any) -> flask.Flask:
    app = flask.Flask("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config.update({f"JWT_{name}": value for name, value in options.items()})
    add_callbacks(original.JWTManager(app), "def")
    for path, guard in GUARDS.items():
        view = original.jwt_required(**guard)(lambda: report(original))
        app.add_url_rule(path, path, view, methods=METHODS)

    @app.get("/cookies/set")
    def set_cookies() -> flask.Response:
        response = flask.Response("set")
        lifetime = {name: int(value) for name, value in flask.request.args.items()}
        original.set_access_cookies(response, token(), **lifetime)
        original.set_refresh_cookies(response, token(type="refresh"), domain="example.org")
        return response

    @app.get("/cookies/unset")
    def unset_cookies() -> flask.Response:
        response = flask.Response("unset")
        original.unset_jwt_cookies(response)
        original.unset_access_cookies(response, domain="example.org")
        original.unset_refresh_cookies(response)
        return response

    return app


@pytest.mark.parametrize("row", [row for row in ROWS if not row.differs], ids=str)
async def test_a_request_is_answered_as_by_the_original(row: Row) -> None:
    theirs = (
        build_original(**row.options).test_client(use_cookies=False).open(row.path, **row.request)
    )
    own = await build(**row.options).test_client().open(row.path, **row.request)

    assert own.status_code == theirs.status_code
    assert await own.get_json() == theirs.get_json()


PUBLIC_PEM = (
    rsa.generate_private_key(65_537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
ASYMMETRIC = {"ALGORITHM": "RS256", "PUBLIC_KEY": PUBLIC_PEM, "DECODE_ALGORITHMS": ["HS256"]}
POSTED: dict[str, Any] = {
    "headers": (("Content-Type", "application/json"),),
    "method": "POST",
    "options": {"TOKEN_LOCATION": ["json"]},
}


def again(name: str, literal: str) -> str:
    """Sign a token that names a claim once more, or otherwise than Python would write it."""
    return signed_raw(f'{json.dumps(claims())[:-1]}, "{name}": {literal}}}'.encode())


def differing(name: str, before: int, now: int, encoded: str, **more: Any) -> Any:
    return pytest.param(before, Row(name, now, None, bearer(encoded), **more), id=name)


# What the page about moving lists, with the status there and here.
DIFFERENCES = [
    pytest.param(
        500,
        Row(
            "x",
            401,
            None,
            (ACCESS_COOKIE, ("X-CSRF-TOKEN", "\u00fc")),
            method="POST",
            options={"TOKEN_LOCATION": ["cookies"]},
        ),
        id="CSRF value not ASCII",
    ),
    pytest.param(500, Row("x", 401, body=b"[1]", **POSTED), id="a list for a JSON body"),
    pytest.param(500, Row("x", 401, body=b"[" * 100_000, **POSTED), id="a nested JSON body"),
    pytest.param(
        500, Row("x", 401, options={"TOKEN_LOCATION": {"json", "headers"}}), id="a set of places"
    ),
    differing("fresh a text", 500, 401, token(fresh="yes"), path="/fresh"),
    differing("fresh NaN", 200, 401, token(fresh=float("nan")), path="/fresh"),
    differing("HMAC under a public key", 500, 422, token(), options=ASYMMETRIC),
    differing(
        "algorithms in a tuple", 500, 200, token(), options={"DECODE_ALGORITHMS": ("HS512",)}
    ),
    differing("padded", 200, 422, token() + "="),
    differing("a claim twice", 200, 422, again("sub", '"eve"')),
    differing("exp a text", 200, 422, token(exp=str(NOW + DAY))),
    differing("nbf a text", 200, 422, token(nbf=str(NOW - DAY))),
    differing("exp beyond the calendar", 200, 422, token(exp=10**12)),
    differing("nbf negative", 200, 422, token(nbf=-1)),
    differing("iat negative", 200, 422, token(iat=-1)),
    differing("nbf a truth value", 200, 422, token(nbf=True)),
    differing("longer than 16,384 characters", 200, 422, token(more="x" * 16_384)),
]


@pytest.mark.parametrize(("before", "row"), DIFFERENCES)
async def test_what_is_answered_otherwise_is_so_on_purpose(before: int, row: Row) -> None:
    theirs = build_original(**row.options).test_client(use_cookies=False)
    own = build(**row.options).test_client()

    assert theirs.open(row.path, **row.request).status_code == before
    assert (await own.open(row.path, **row.request)).status_code == row.status


@pytest.mark.parametrize("missing", ["no such key", "none"])
def test_the_original_fails_where_there_is_no_key(missing: str) -> None:
    app = build_original()
    keys: dict[str, str | None] = {"none": None}
    manager = app.extensions["flask-jwt-extended"]
    manager.decode_key_loader(lambda header, _: keys[header["kid"]])

    response = app.test_client().get(
        "/protected", headers=dict(bearer(token(headers={"kid": missing})))
    )

    assert response.status_code == 500


def without_the_moment(cookie: str) -> str:
    """Two programs may write one cookie in two different seconds."""
    return re.sub(r"Expires=[^;]*20\d\d[^;]*; ", "", cookie)


@pytest.mark.parametrize("path", ["/cookies/set", "/cookies/set?max_age=5", "/cookies/unset"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"SESSION_COOKIE": False},
        {"COOKIE_SECURE": True, "COOKIE_SAMESITE": "Lax"},
        {"COOKIE_DOMAIN": "a.example.org"},
        {"CSRF_IN_COOKIES": False},
        {"COOKIE_CSRF_PROTECT": False},
        {
            "ACCESS_COOKIE_NAME": "a",
            "ACCESS_COOKIE_PATH": "/a",
            "ACCESS_CSRF_COOKIE_NAME": "ac",
            "ACCESS_CSRF_COOKIE_PATH": "/ac",
            "REFRESH_COOKIE_NAME": "r",
            "REFRESH_COOKIE_PATH": "/r",
            "REFRESH_CSRF_COOKIE_NAME": "rc",
            "REFRESH_CSRF_COOKIE_PATH": "/rc",
        },
    ],
    ids=lambda options: ",".join(options) or "defaults",
)
async def test_cookies_are_written_as_by_the_original(path: str, options: dict[str, Any]) -> None:
    theirs = build_original(**options).test_client().get(path)
    own = await build(**options).test_client().get(path)

    written = [without_the_moment(c) for c in own.headers.getlist("Set-Cookie")]
    assert own.status_code == 200
    assert written == [without_the_moment(c) for c in theirs.headers.getlist("Set-Cookie")]
    assert written


def parameters(function: Callable[..., Any]) -> list[tuple[str, object]]:
    return [
        (parameter.name, parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]


@pytest.mark.parametrize("name", sorted(AWAITED | PLAIN))
def test_a_function_has_the_parameters_of_the_original(name: str) -> None:
    own = getattr(ours, name)

    assert parameters(own) == parameters(getattr(original, name))
    assert inspect.iscoroutinefunction(own) is (name in AWAITED)
    added = set(inspect.signature(own).parameters) - {n for n, _ in parameters(own)}
    assert added <= {"manager", "check_session", "dpop"}


def test_every_public_name_of_the_original_is_there() -> None:
    public = {
        name
        for name, value in vars(original).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }

    assert public <= set(ours.__all__)
    assert public - {"JWTManager", "current_user"} == AWAITED | PLAIN
    assert {"JWTDecodeError", "exceptions"} <= set(ours.__all__) - public


def test_the_manager_has_the_loaders_of_the_original() -> None:
    loaders = {
        name: parameters(value)
        for name, value in vars(original.JWTManager).items()
        if not name.startswith("_")
    }

    assert len(loaders) == 16
    assert loaders == {name: parameters(getattr(ours.JWTManager, name)) for name in loaders}
    assert parameters(ours.JWTManager) == parameters(original.JWTManager)


def test_every_option_has_the_default_of_the_original() -> None:
    flask_app, app = flask.Flask("tests"), Quart("tests")
    original.JWTManager(flask_app)
    ours.JWTManager(app)

    theirs = {k: v for k, v in flask_app.config.items() if k.startswith("JWT_")}
    own = {k: v for k, v in app.config.items() if k.startswith("JWT_")}

    assert len(theirs) == 43
    assert {name: own[name] for name in theirs} == theirs
    assert "JWT_MAX_TOKEN_LENGTH" in own


def test_every_exception_of_the_original_has_its_name_and_its_arguments() -> None:
    theirs = {
        name: kind
        for name, kind in vars(original_exceptions).items()
        if inspect.isclass(kind) and issubclass(kind, Exception)
    }

    for name, kind in theirs.items():
        own = getattr(exceptions, name)
        assert issubclass(own, exceptions.JWTExtendedException)
        assert [n for n, _ in parameters(own.__init__)] == [n for n, _ in parameters(kind.__init__)]
    assert exceptions.JWTDecodeError is ours.JWTDecodeError


async def test_tokens_are_made_of_the_same_claims_as_by_the_original() -> None:
    app, flask_app = build(), build_original()
    with flask_app.app_context(), warnings.catch_warnings():
        theirs = original.create_access_token("bob", additional_claims={"role": "x"})
        refresh = original.create_refresh_token("bob")

    async with app.app_context():
        own = await ours.create_access_token("bob", additional_claims={"role": "x"})
        assert list(await ours.decode_token(own)) == list(await ours.decode_token(theirs))
        own = await ours.create_refresh_token("bob")
        assert list(await ours.decode_token(own)) == list(await ours.decode_token(refresh))
        assert ours.get_unverified_jwt_headers(own) == ours.get_unverified_jwt_headers(refresh)
    with flask_app.app_context():
        assert original.decode_token(own)["sub"] == "bob"


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("config", set()),
        ("exceptions", set()),
        ("jwt_manager", set()),
        ("typing", set()),
        ("utils", {"current_user_context_processor"}),  # that is init_app's own
        ("view_decorators", set()),
    ],
)
def test_a_module_that_programs_import_from_has_its_names(module: str, left_out: set[str]) -> None:
    theirs = vars(import_module(f"flask_jwt_extended.{module}"))
    names = {
        name
        for name, found in theirs.items()
        if not name.startswith("_") and getattr(found, "__module__", "") == theirs["__name__"]
    }
    names |= {"ExpiresDelta", "Fresh"} if module == "typing" else set()
    mine = vars(import_module(f"quartapp.jwt.{module}"))
    assert names - left_out - set(mine) == set()


async def test_the_options_are_told_under_the_same_names() -> None:
    options = [name for name in dir(type(original_config)) if not name.startswith("_")]
    assert len(options) > 40
    with build_original().test_request_context():
        theirs = {name: getattr(original_config, name) for name in options}
    async with build().test_request_context("/"):
        mine = {name: getattr(config, name) for name in options}

    encoders = theirs.pop("json_encoder"), mine.pop("json_encoder")
    assert all(issubclass(encoder, json.JSONEncoder) for encoder in encoders)
    assert mine == theirs
