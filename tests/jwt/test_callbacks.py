"""Every callback, in every way that one can be written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt as pyjwt
import pytest
from quart import Quart, jsonify
from werkzeug.local import LocalProxy

import quartapp.jwt as ours
from tests.jwt.support import KEY, NOW, STYLES, bearer, styled, token


@pytest.fixture(params=STYLES)
def way(request: pytest.FixtureRequest) -> str:
    """How the callback is written."""
    return str(request.param)


def build(**options: Any) -> tuple[Quart, ours.JWTManager]:
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config.update(options)
    manager = ours.JWTManager(app)

    @app.get("/")
    @ours.jwt_required()
    async def view() -> dict[str, Any]:
        return {"identity": ours.get_jwt_identity()}

    @app.get("/fresh")
    @ours.jwt_required(fresh=True)
    async def fresh() -> dict[str, Any]:
        return {"identity": ours.get_jwt_identity()}

    @app.get("/user")
    @ours.jwt_required()
    async def user() -> dict[str, Any]:
        return {"user": ours.current_user["name"], "same": ours.get_current_user()["name"]}

    return app, manager


def unverified(encoded: str) -> dict[str, Any]:
    return pyjwt.decode_complete(encoded, options={"verify_signature": False})


async def get(app: Quart, encoded: str, path: str = "/") -> tuple[int, Any]:
    response = await app.test_client().get(path, headers=dict(bearer(encoded)))
    return response.status_code, await response.get_json()


async def test_a_new_token_calls_them_in_the_order_of_the_original(way: str) -> None:
    app, manager = build()
    called: list[str] = []

    def note(name: str, gives: Any) -> Any:
        def callback(_identity: Any) -> Any:
            called.append(name)
            return gives

        return styled(way, callback)

    manager.encode_key_loader(note("key", KEY))
    manager.user_identity_loader(note("identity", "bob"))
    manager.additional_claims_loader(note("claims", {}))
    manager.additional_headers_loader(note("headers", {}))
    async with app.app_context():
        await ours.create_access_token("bob")

    assert called == ["headers", "claims", "identity", "key"]


async def test_claims_are_added_to_both_kinds_of_tokens(way: str) -> None:
    app, manager = build()
    manager.additional_claims_loader(styled(way, lambda identity: {"for": identity, "role": "x"}))

    async with app.app_context():
        access = await ours.create_access_token("bob", additional_claims={"role": "call"})
        refresh = await ours.create_refresh_token("bob")

    assert (
        unverified(access)["payload"] | {"for": "bob", "role": "call"}
        == (unverified(access)["payload"])
    )
    assert unverified(refresh)["payload"]["role"] == "x"


async def test_headers_are_added_and_those_of_the_call_win(way: str) -> None:
    app, manager = build()
    manager.additional_headers_loader(styled(way, lambda identity: {"kid": identity, "x": 1}))

    async with app.app_context():
        encoded = await ours.create_access_token("bob", additional_headers={"x": 2})

    assert unverified(encoded)["header"] == {"alg": "HS256", "typ": "JWT", "kid": "bob", "x": 2}


async def test_the_identity_is_turned_into_what_the_token_holds(way: str) -> None:
    app, manager = build()
    manager.user_identity_loader(styled(way, lambda user: user["id"]))

    async with app.app_context():
        encoded = await ours.create_access_token({"id": "7"})

    assert await get(app, encoded) == (200, {"identity": "7"})


async def test_keys_are_chosen_per_token(way: str) -> None:
    keys = {"bob": KEY + "-of-bob", "eve": KEY + "-of-eve"}
    app, manager = build(JWT_SECRET_KEY=None)
    manager.encode_key_loader(styled(way, lambda identity: keys[identity]))
    manager.decode_key_loader(styled(way, lambda _, claims: keys[claims["sub"]]))

    async with app.app_context():
        encoded = await ours.create_access_token("bob")

    assert pyjwt.decode(encoded, keys["bob"], algorithms=["HS256"])["sub"] == "bob"
    assert await get(app, encoded) == (200, {"identity": "bob"})
    forged = token(sub="eve", key=keys["bob"])
    assert await get(app, forged) == (422, {"msg": "Signature verification failed"})


@pytest.mark.parametrize("missing", ["no such key", "none"])
async def test_a_key_that_does_not_exist_is_a_refusal(way: str, missing: str) -> None:
    keys: dict[str, str | None] = {"none": None}
    app, manager = build()
    manager.decode_key_loader(styled(way, lambda header, _: keys[header["kid"]]))

    answer = await get(app, token(headers={"kid": missing}))

    assert answer == (422, {"msg": "Signature verification failed"})


@pytest.mark.parametrize("revoked", [True, False])
async def test_the_blocklist_is_awaited(way: str, revoked: bool) -> None:
    app, manager = build()
    manager.token_in_blocklist_loader(styled(way, lambda *_: revoked))

    status, _ = await get(app, token())

    assert status == (401 if revoked else 200)


@pytest.mark.parametrize("welcome", [True, False])
async def test_the_verification_is_awaited(way: str, welcome: bool) -> None:
    app, manager = build()
    manager.token_verification_loader(styled(way, lambda *_: welcome))

    status, _ = await get(app, token())

    assert status == (200 if welcome else 400)


@pytest.mark.parametrize("user", [{"name": "Bob"}, None])
async def test_the_user_lookup_is_awaited(way: str, user: dict[str, str] | None) -> None:
    app, manager = build()
    manager.user_lookup_loader(styled(way, lambda *_: user))

    status, body = await get(app, token(), "/user")

    if user is None:
        assert (status, body) == (401, {"msg": "Error loading the user bob"})
    else:
        assert (status, body) == (200, {"user": "Bob", "same": "Bob"})


@pytest.mark.parametrize("falsy", [0, "", [], False])
async def test_a_user_that_is_falsy_is_somebody(falsy: object) -> None:
    app, manager = build()
    manager.user_lookup_loader(lambda *_: falsy)

    status, _ = await get(app, token())

    assert status == 200


ANSWERS = {
    "unauthorized_loader": ("/", "no token", "Missing Authorization Header"),
    "invalid_token_loader": ("/", "x", "Not enough segments"),
    "expired_token_loader": ("/", token(exp=NOW - 9), None),
    "needs_fresh_token_loader": ("/fresh", token(), None),
    "revoked_token_loader": ("/", token(jti="revoked"), None),
    "user_lookup_error_loader": ("/", token(sub="nobody"), None),
    "token_verification_failed_loader": ("/", token(welcome="no"), None),
}


@pytest.mark.parametrize("loader", ANSWERS)
async def test_a_refusal_is_answered_by_its_callback(loader: str, way: str) -> None:
    app, manager = build()
    manager.token_in_blocklist_loader(lambda _, claims: claims["jti"] == "revoked")
    manager.token_verification_loader(lambda _, claims: "welcome" not in claims)
    manager.user_lookup_loader(lambda _, claims: None if claims["sub"] == "nobody" else claims)
    path, encoded, text = ANSWERS[loader]
    seen: list[Any] = []

    def answer(*arguments: Any) -> Any:
        seen.extend(arguments)
        return jsonify(mine=loader), 418

    callback = styled(way, answer)
    assert getattr(manager, loader)(callback) is callback
    headers = {} if encoded == "no token" else dict(bearer(encoded))
    response = await app.test_client().get(path, headers=headers)

    assert response.status_code == 418
    assert await response.get_json() == {"mine": loader}
    if text is not None:
        assert seen == [text]
    else:
        parts = unverified(encoded)
        assert seen == [parts["header"], parts["payload"] | {"type": "access"}]


async def stream() -> AsyncIterator[bool]:
    yield True


def generator() -> Iterator[bool]:
    yield True


CHECKS = ["token_in_blocklist_loader", "token_verification_loader", "user_lookup_loader"]


@pytest.mark.parametrize("loader", CHECKS)
@pytest.mark.parametrize("source", [stream, generator])
async def test_an_answer_that_nobody_can_await_lets_nobody_in(loader: str, source: Any) -> None:
    app, manager = build()
    getattr(manager, loader)(lambda *_: source())

    status, _ = await get(app, token())

    assert status == 500


@pytest.mark.parametrize("loader", CHECKS)
async def test_a_callback_that_fails_lets_nobody_in(loader: str, way: str) -> None:
    app, manager = build()

    def fail(header: Any, claims: Any) -> bool:
        raise OSError("the database is away")

    getattr(manager, loader)(styled(way, fail))

    status, _ = await get(app, token())

    assert status == 500


async def test_a_callback_that_gives_a_task_is_awaited() -> None:
    app, manager = build()

    async def no() -> bool:
        await asyncio.sleep(0)
        return False

    manager.token_verification_loader(lambda *_: asyncio.ensure_future(no()))

    assert await get(app, token()) == (400, {"msg": "User claims verification failed"})


async def test_an_awaitable_within_an_awaitable_is_awaited() -> None:
    app, manager = build()

    async def no() -> bool:
        return False

    async def later() -> Any:
        return no()

    manager.token_verification_loader(lambda *_: later())

    assert (await get(app, token()))[0] == 400


async def test_a_user_may_be_a_proxy() -> None:
    app, manager = build()
    manager.user_lookup_loader(lambda *_: LocalProxy(lambda: {"name": "Bob"}))

    assert await get(app, token(), "/user") == (200, {"user": "Bob", "same": "Bob"})
