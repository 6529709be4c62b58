"""Several managers on one application: each with its options, keys, callbacks and answers."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Blueprint, Quart, Response

import quartapp.jwt as ours
from quartapp.jwt.exceptions import NoAuthorizationError
from tests.jwt.support import KEY, bearer, token

API_KEY = KEY + " of the API"


@pytest.fixture
def app() -> Quart:
    """An application with the default manager and one named api, bound to a blueprint."""
    app = Quart("tests")
    app.secret_key = KEY
    app.config["API_JWT_SECRET_KEY"] = API_KEY
    ours.JWTManager(app)
    api = ours.JWTManager(app, name="api")
    api.unauthorized_loader(lambda text: ({"api": text}, 401))
    api.invalid_token_loader(lambda text: ({"api": text}, 422))

    outer, inner = Blueprint("outer", "outer"), Blueprint("inner", "inner")
    api.use_for(outer)

    async def view() -> dict[str, Any]:
        return {"identity": ours.get_jwt_identity(), "new": await ours.create_access_token("new")}

    async def login() -> dict[str, Any]:
        return {"new": await ours.create_access_token("new")}

    app.add_url_rule("/", "view", ours.jwt_required()(view))
    app.add_url_rule("/decorated", "decorated", ours.jwt_required(manager="api")(view))
    app.add_url_rule("/by-object", "by_object", ours.jwt_required(manager=api)(view))
    app.add_url_rule("/login", "login", login)
    outer.add_url_rule("/view", "view", ours.jwt_required()(view))
    outer.add_url_rule("/login", "login", login)
    outer.add_url_rule("/default", "default", ours.jwt_required(manager="flask-jwt-extended")(view))
    inner.add_url_rule("/view", "view", ours.jwt_required()(view))
    outer.register_blueprint(inner, url_prefix="/inner")
    app.register_blueprint(outer, url_prefix="/api", name="renamed")
    return app


OURS = ["/", "/api/default"]
THEIRS = ["/decorated", "/by-object", "/api/view", "/api/inner/view"]


async def ask(app: Quart, path: str, encoded: str | None) -> tuple[int, Any]:
    headers = dict(bearer(encoded)) if encoded else {}
    response = await app.test_client().get(path, headers=headers)
    return response.status_code, await response.get_json()


@pytest.mark.parametrize("path", OURS + THEIRS)
async def test_a_manager_takes_its_own_tokens_and_makes_its_own(app: Quart, path: str) -> None:
    key = API_KEY if path in THEIRS else KEY

    status, body = await ask(app, path, token(key=key))

    assert (status, body["identity"]) == (200, "bob")
    assert (await ask(app, path, body["new"]))[0] == 200


@pytest.mark.parametrize("path", OURS + THEIRS)
async def test_neither_takes_the_other_s_tokens(app: Quart, path: str) -> None:
    key = KEY if path in THEIRS else API_KEY

    status, body = await ask(app, path, token(key=key))

    named = "api" if path in THEIRS else "msg"
    assert (status, body) == (422, {named: "Signature verification failed"})


@pytest.mark.parametrize("path", OURS + THEIRS)
async def test_each_refuses_in_its_own_words(app: Quart, path: str) -> None:
    named = "api" if path in THEIRS else "msg"

    assert await ask(app, path, None) == (401, {named: "Missing Authorization Header"})


@pytest.mark.parametrize(("path", "taken"), [("/login", "/"), ("/api/login", "/api/view")])
async def test_a_login_makes_tokens_of_its_blueprint_s_manager(
    app: Quart, path: str, taken: str
) -> None:
    _, body = await ask(app, path, None)

    assert [(await ask(app, p, body["new"]))[0] for p in ("/", "/api/view")] == (
        [200, 422] if taken == "/" else [422, 200]
    )


async def test_a_named_manager_never_falls_back_to_the_application_s_key(app: Quart) -> None:
    app.config["API_JWT_SECRET_KEY"] = None

    async with app.app_context():
        with pytest.raises(RuntimeError, match="API_JWT_SECRET_KEY"):
            await ours.create_access_token("bob", manager="api")


async def test_what_one_verified_the_other_does_not_know(app: Quart) -> None:
    async with app.test_request_context("/", headers=dict(bearer(token(key=API_KEY)))):
        await ours.verify_jwt_in_request(manager="api")

        assert ours.get_jwt_identity(manager="api") == "bob"
        assert ours.get_jwt(manager="api")["sub"] == "bob"
        assert ours.get_jwt_header(manager="api")["alg"] == "HS256"
        with pytest.raises(RuntimeError):
            ours.get_jwt()
        assert ours.get_jwt_request_location() is None


async def test_a_choice_ends_with_its_view(app: Quart) -> None:
    seen = []

    @app.get("/two")
    @ours.jwt_required(manager="api")
    async def two() -> str:
        @ours.jwt_required(manager="flask-jwt-extended", optional=True, locations="cookies")
        async def within() -> Any:
            return ours.get_jwt_identity()

        seen.extend([await within(), ours.get_jwt_identity()])
        return "in"

    @app.after_request
    async def after(response: Response) -> Response:
        assert ours.get_jwt() == {}
        seen.append(ours.get_jwt_identity(manager="api"))
        return response

    await ask(app, "/two", token(key=API_KEY))

    # "within" asked for a token in a cookie, where there was none.
    assert seen == [None, "bob", "bob"]


async def test_a_choice_does_not_reach_a_request_made_from_within_the_view(app: Quart) -> None:
    @app.get("/calls")
    @ours.jwt_required(manager="api")
    async def calls() -> dict[str, Any]:
        return {"statuses": [(await ask(app, "/", token(key=key)))[0] for key in (KEY, API_KEY)]}

    assert await ask(app, "/calls", token(key=API_KEY)) == (200, {"statuses": [200, 422]})


async def test_cookies_have_names_of_their_own(app: Quart) -> None:
    response = Response("x")
    async with app.app_context():
        await ours.set_access_cookies(
            response, await ours.create_access_token("bob", manager="api"), manager="api"
        )
        ours.unset_refresh_cookies(response, manager="api")

    names = [cookie.partition("=")[0] for cookie in response.headers.getlist("Set-Cookie")]
    assert names == [
        "api_access_token_cookie",
        "api_csrf_access_token",
        "api_refresh_token_cookie",
        "api_csrf_refresh_token",
    ]


async def test_functions_take_the_manager_by_name(app: Quart) -> None:
    async with app.app_context():
        refresh = await ours.create_refresh_token("bob", manager="api")
        assert (await ours.decode_token(refresh, manager="api"))["type"] == "refresh"
        assert await ours.get_jti(refresh, manager="api")
        assert await ours.get_csrf_token(refresh, manager="api")
        with pytest.raises(RuntimeError, match=r"'other'.*api, flask-jwt-extended"):
            await ours.decode_token(refresh, manager="other")


async def test_a_refusal_within_a_view_is_answered_by_the_manager_that_refused(app: Quart) -> None:
    @app.get("/reads")
    async def reads() -> dict[str, Any]:
        return await ours.decode_token(token(), manager="api")

    assert await ask(app, "/reads", None) == (422, {"api": "Signature verification failed"})


async def test_a_manager_of_another_application_is_a_mistake(app: Quart) -> None:
    stranger = ours.JWTManager(name="api")

    async with app.app_context():
        with pytest.raises(RuntimeError, match="No JWTManager 'api'"):
            await ours.create_access_token("bob", manager=stranger)


def test_two_managers_cannot_share_their_options(app: Quart) -> None:
    with pytest.raises(ValueError, match="API_JWT_"):
        ours.JWTManager(app, name="other", prefix="API_JWT_")


async def test_an_application_may_have_managers_with_names_only() -> None:
    app = Quart("tests")
    app.config["X_SECRET_KEY"] = KEY
    app.config["PROPAGATE_EXCEPTIONS"] = True
    manager = ours.JWTManager(app, name="x", prefix="X_")
    assert app.extensions["flask-jwt-extended:x"] is manager

    @app.get("/")
    async def view() -> str:
        raise NoAuthorizationError("nobody's")

    with pytest.raises((NoAuthorizationError, ExceptionGroup)):
        await app.test_client().get("/")
    async with app.app_context():
        with pytest.raises(RuntimeError, match="No JWTManager 'flask-jwt-extended'"):
            await ours.create_access_token("bob")
