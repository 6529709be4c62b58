"""Plain views, which run in threads: what is awaited elsewhere is done at once in them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from quart import Quart, Response, jsonify, websocket
from quart.views import MethodView

from quartapp import jwt
from quartapp.jwt import (
    JWTManager,
    KeyFile,
    create_access_token,
    decode_token,
    get_jwt_identity,
    jwt_required,
    requires_scopes,
    scope_claim,
    threads,
)
from tests.jwt.support import KEY

# As a plain view sees it: a type checker knows the names as what is awaited.
plain: Any = jwt


def application(**options: Any) -> Quart:
    app = Quart(__name__)
    app.config.update(JWT_SECRET_KEY=KEY, **options)
    JWTManager(app)
    return app


async def answer_of(app: Quart, path: str, **headers: str) -> tuple[int, Any]:
    response = await app.test_client().get(path, headers=headers)
    return response.status_code, await response.get_json()


async def token_of(app: Quart) -> str:
    async with app.app_context():
        return await create_access_token("bob")


async def test_a_plain_view_makes_and_reads_tokens() -> None:
    app = application()

    @app.get("/")
    def tokens() -> Any:
        access = plain.create_access_token("bob", fresh=True)
        refresh = plain.create_refresh_token("bob")
        claims = plain.decode_token(refresh)
        return {"types": [type(access).__name__, claims["type"]], "jti": plain.get_jti(refresh)}

    status, told = await answer_of(app, "/")
    assert (status, told["types"]) == (200, ["str", "refresh"])
    assert len(told["jti"]) == 36


async def test_a_plain_view_sets_cookies() -> None:
    app = application(JWT_TOKEN_LOCATION=["cookies"])

    @app.get("/")
    def sign_in() -> Response:
        token = plain.create_access_token("bob")
        response: Response = jsonify(csrf=plain.get_csrf_token(token))
        plain.set_access_cookies(response, token)
        plain.set_refresh_cookies(response, token)
        return response

    response = await app.test_client().get("/")
    assert response.status_code == 200
    assert len(response.headers.getlist("Set-Cookie")) == 4


@pytest.mark.parametrize("place", ["view", "before"])
async def test_a_check_that_nobody_awaits_still_keeps_people_out(place: str) -> None:
    app = application()

    def check() -> None:
        plain.verify_jwt_in_request()

    @app.get("/")
    def secret() -> Any:
        if place == "view":
            check()
        return jsonify(get_jwt_identity())

    if place == "before":
        app.before_request(check)

    refused = {"msg": "Missing Authorization Header"}
    assert await answer_of(app, "/") == (401, refused)
    bearer = f"Bearer {await token_of(app)}"
    assert await answer_of(app, "/", authorization=bearer) == (200, "bob")


async def test_a_plain_after_request_renews_the_cookie() -> None:
    app = application(JWT_TOKEN_LOCATION=["cookies"])

    @app.after_request
    def renew(response: Response) -> Response:
        plain.set_access_cookies(response, plain.create_access_token(get_jwt_identity()))
        return response

    @app.get("/")
    @jwt_required()
    def me() -> Any:
        return jsonify(get_jwt_identity())

    response = await app.test_client().get(
        "/", headers={"Cookie": f"access_token_cookie={await token_of(app)}"}
    )
    assert response.status_code == 200
    assert len(response.headers.getlist("Set-Cookie")) == 2


async def test_what_a_callback_waits_for_is_on_the_loop_of_the_request() -> None:
    app = application()
    here = asyncio.get_running_loop()
    lock = asyncio.Lock()
    seen = []

    manager: JWTManager = app.extensions["flask-jwt-extended"]

    @manager.additional_claims_loader
    async def claims(identity: str) -> dict[str, Any]:
        async with lock:
            await asyncio.sleep(0)
            seen.append(asyncio.get_running_loop())
        return {"who": identity}

    @app.get("/")
    def tokens() -> Any:
        token = plain.create_access_token("bob")
        read = plain.decode_token(token)
        return jsonify(read["who"])

    assert await answer_of(app, "/") == (200, "bob")
    assert seen == [here]


async def test_a_refusal_reaches_the_plain_view_that_can_catch_it() -> None:
    app = application()

    @app.get("/")
    def tolerant() -> Any:
        try:
            plain.decode_token("nonsense")
        except jwt.exceptions.JWTExtendedException:
            return "another"
        except Exception as error:
            return jsonify(type(error).__name__)
        return jsonify("none")

    assert await answer_of(app, "/") == (200, "DecodeError")


async def test_the_decorators_manager_is_meant_in_a_plain_view() -> None:
    app = application(API_JWT_SECRET_KEY=KEY[::-1])
    JWTManager(app, name="api")

    @app.get("/")
    @jwt_required(manager="api")
    def again() -> Any:
        return jsonify(plain.create_access_token(get_jwt_identity()))

    async with app.app_context():
        first = await create_access_token("bob", manager="api")
    status, second = await answer_of(app, "/", authorization=f"Bearer {first}")
    assert status == 200
    async with app.app_context():
        assert (await decode_token(second, manager="api"))["sub"] == "bob"


async def test_a_websocket_hands_work_with_tokens_to_a_thread() -> None:
    app = application()

    def made() -> Any:
        return plain.create_access_token("bob")

    @app.websocket("/")
    async def socket() -> None:
        await websocket.send(await asyncio.to_thread(made))

    async with app.test_client().websocket("/") as connected:
        token = await connected.receive()
    async with app.app_context():
        assert (await decode_token(str(token)))["sub"] == "bob"


async def test_where_no_request_is_a_thread_is_told_so() -> None:
    app = application()

    def made() -> Any:
        return plain.create_access_token("bob")

    async with app.app_context():
        with pytest.raises(RuntimeError, match="This thread has no request"):
            await asyncio.to_thread(made)


@pytest.mark.parametrize("guard", [jwt_required(), requires_scopes("read")])
async def test_what_a_decorator_guards_is_guarded_where_a_plain_function_calls_it(
    guard: Callable[[Any], Any],
) -> None:
    app = application()

    def passing_on(view: Any) -> Any:
        @wraps(view)
        def called(*given: Any, **named: Any) -> Any:
            return view(*given, **named)

        return called

    @guard
    def ensure() -> str:
        return "ensured"

    @app.get("/helper")
    def helper() -> Any:
        ensured = ensure()
        return jsonify(ensured)

    @app.get("/decorated")
    @passing_on
    @guard
    def decorated() -> Any:
        return jsonify("decorated")

    @app.get("/asynchronous")
    @passing_on
    @guard
    async def asynchronous() -> Any:
        return jsonify("asynchronous")

    class Things(MethodView):
        @passing_on
        @guard
        def get(self) -> Any:
            return jsonify(type(self).__name__)

    app.add_url_rule("/things", view_func=Things.as_view("things"))

    async with app.app_context():
        bearer = f"Bearer {await create_access_token('bob', additional_claims=scope_claim('read'))}"
    said = {"helper": "ensured", "things": "Things"}
    for path in ("helper", "decorated", "asynchronous", "things"):
        assert (await answer_of(app, f"/{path}"))[0] == 401
        answer = await answer_of(app, f"/{path}", authorization=bearer)
        assert answer == (200, said.get(path, path))


def test_keys_are_found_though_all_threads_wait_for_them(tmp_path: Path) -> None:
    asyncio.run(with_few_threads(tmp_path))  # on a loop of its own


async def with_few_threads(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    app = application()
    file = KeyFile(tmp_path / "keys.json")
    app.extensions["flask-jwt-extended"].use_keys(file)
    await asyncio.to_thread(file.rotate)

    @app.get("/")
    def secret() -> Any:
        plain.verify_jwt_in_request()
        return jsonify(get_jwt_identity())

    good = await token_of(app)
    forged = pyjwt.encode({"sub": "eve"}, KEY, algorithm="HS256", headers={"kid": "invented"})
    asked = [answer_of(app, "/", authorization=f"Bearer {token}") for token in [forged, good] * 4]
    async with asyncio.timeout(10):
        answers = await asyncio.gather(*asked)
    assert [status for status, _ in answers] == [422, 200] * 4


async def test_a_plain_view_waits_no_longer_than_it_can_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "LONGEST", 0.05)
    app = application()
    manager: JWTManager = app.extensions["flask-jwt-extended"]
    manager.additional_claims_loader(lambda _: asyncio.sleep(5))

    @app.get("/")
    def tokens() -> Any:
        with pytest.raises(RuntimeError, match=r"Not done after 0\.05 seconds"):
            plain.create_access_token("bob")
        return jsonify("told")

    assert await answer_of(app, "/") == (200, "told")


@pytest.mark.parametrize(
    "name",
    [
        "create_access_token",
        "create_refresh_token",
        "decode_token",
        "dpop_claims",
        "get_csrf_token",
        "get_jti",
        "list_sessions",
        "revoke_all_sessions",
        "revoke_session",
        "revoke_token",
        "rotate_session",
        "set_access_cookies",
        "set_refresh_cookies",
        "start_session",
        "verify_jwt_in_request",
    ],
)
def test_each_is_known_as_a_coroutine_function_with_its_own_signature(name: str) -> None:
    function = getattr(jwt, name)
    assert inspect.iscoroutinefunction(function)
    assert function.__name__ == name
    assert function.__doc__
    assert str(inspect.signature(function)).startswith("(")
    with pytest.raises(TypeError, match=name):
        function(nobody_knows="this")
