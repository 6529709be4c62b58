"""Scopes: who lacks one is told which."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Blueprint, Quart
from quart.views import MethodView

import quartapp.jwt as ours
from quartapp.jwt.exceptions import InsufficientScopeError
from tests.jwt.support import VIEW_STYLES, build, named, styled, token
from tests.jwt.test_bearer import EXPIRED, ask, read


def scoped(style: str = "async def", **options: Any) -> Quart:
    """Return an application with views that ask for scopes."""
    app = build(style, **options)

    def add(path: str, decorate: Any) -> None:
        view = styled(style, lambda: {"scopes": sorted(ours.get_scopes())})
        app.add_url_rule(path, path, decorate(named(view, path)), methods=["GET", "OPTIONS"])

    writes = ours.requires_scopes("houses:write")
    add("/alone", writes)
    add("/both", ours.requires_scopes("houses:write", "houses:read"))
    add("/below", lambda view: ours.jwt_required()(writes(view)))
    add("/above", lambda view: writes(ours.jwt_required()(view)))
    add("/below-optional", lambda view: ours.jwt_required(optional=True)(writes(view)))
    add("/below-refresh", lambda view: ours.jwt_required(refresh=True)(writes(view)))
    add("/any", ours.jwt_required(optional=True))
    return app


PATHS = ["/alone", "/below", "/above", "/below-optional"]


@pytest.mark.parametrize("style", VIEW_STYLES)
@pytest.mark.parametrize("path", PATHS)
async def test_a_token_with_the_scope_is_let_in(path: str, style: str) -> None:
    for scope in ("houses:write", "houses:read houses:write", ["houses:write"]):
        response = await ask(scoped(style), path, token(scope=scope))

        assert response.status_code == 200
        assert "houses:write" in (await response.get_json())["scopes"]


NOT_ENOUGH: list[object] = [
    None,
    "",
    " ",
    "houses:read",
    "houses:writes",
    "HOUSES:WRITE",
    "houses:write\n",
    "houses:write,houses:read",
    "houses:\u0000write",
    5,
    True,
    {"houses:write": True},
    [["houses:write"]],
    ["houses:read", 5, None],
]


@pytest.mark.parametrize("style", VIEW_STYLES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scope", NOT_ENOUGH, ids=repr)
async def test_one_without_is_forbidden_and_told_which(
    path: str, scope: object, style: str
) -> None:
    response = await ask(scoped(style), path, token(scope=scope))

    assert response.status_code == 403
    assert await response.get_json() == {"msg": "Scopes needed: houses:write"}
    assert read(response.headers["WWW-Authenticate"]) == {
        "error": "insufficient_scope",
        "error_description": "Scopes needed: houses:write",
        "scope": "houses:write",
    }


async def test_all_scopes_are_needed_and_all_are_named() -> None:
    app = scoped(REALM="api")
    response = await ask(app, "/both", token(scope="houses:write"))
    assert response.status_code == 403
    parsed = read(response.headers["WWW-Authenticate"])
    assert (parsed["scope"], parsed["realm"]) == ("houses:write houses:read", "api")

    assert (await ask(app, "/both", token(scope="houses:read houses:write"))).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_valid_token_it_is_401_not_403(path: str) -> None:
    app = scoped()
    assert (await ask(app, path)).status_code == 401
    assert (await ask(app, path, EXPIRED)).status_code == 401
    assert (await ask(app, path, token(type="refresh", scope="houses:write"))).status_code == 422
    assert (await ask(app, path, token(scope="houses:write") + "x")).status_code == 422


async def test_it_takes_the_token_that_the_guard_above_it_verified() -> None:
    refresh = token(type="refresh", scope="houses:write")

    assert (await ask(scoped(), "/below-refresh", refresh)).status_code == 200


async def test_options_needs_no_token_and_no_scope() -> None:
    app = build()
    for number, decorate in enumerate([ours.requires_scopes("x"), ours.jwt_required()]):
        view = ours.requires_scopes("x")(decorate(bare))
        app.add_url_rule(f"/{number}", str(number), view, methods=["OPTIONS"])

        assert (await ask(app, f"/{number}", method="OPTIONS")).status_code == 200


async def test_an_absent_optional_token_has_no_scopes() -> None:
    assert await (await ask(scoped(), "/any")).get_json() == {"scopes": []}


async def test_a_blueprint_s_manager_and_a_named_one_are_asked() -> None:
    app = Quart("tests")
    app.config.update(JWT_SECRET_KEY="a" * 32, API_JWT_SECRET_KEY="b" * 32)
    ours.JWTManager(app)
    api = ours.JWTManager(app, name="api")
    blueprint = Blueprint("api", "api", url_prefix="/api")
    api.use_for(blueprint)

    @blueprint.get("/")
    @ours.requires_scopes("x")
    async def within() -> str:
        return "in"

    @app.get("/named")
    @ours.requires_scopes("x", manager="api")
    async def by_name() -> list[str]:
        return [ours.get_jwt_identity()]

    @app.get("/checks")
    @ours.jwt_required(manager="api")
    async def checks() -> str:
        return await elsewhere()

    @app.get("/by-hand")
    async def elsewhere() -> str:
        await ours.verify_jwt_in_request(manager="api")
        ours.check_scopes("x", manager="api")
        return "in"

    app.register_blueprint(blueprint)
    app.config["API_JWT_REALM"] = "api"
    response = await ask(app, "/by-hand", token(key="b" * 32))
    assert read(response.headers["WWW-Authenticate"])["realm"] == "api"
    for path in ("/api/", "/named", "/checks", "/by-hand"):
        assert (await ask(app, path, token(key="b" * 32, scope="x"))).status_code == 200
        assert (await ask(app, path, token(key="b" * 32, scope="y"))).status_code == 403
        assert (await ask(app, path, token(key="a" * 32, scope="x"))).status_code == 422


async def test_a_class_of_views_may_ask_for_scopes() -> None:
    app = build()

    class View(MethodView):
        decorators = [ours.requires_scopes("x")]  # noqa: RUF012 - Quart's own way

        async def get(self) -> str:
            return "in"

    app.add_url_rule("/class", view_func=View.as_view("class"))
    assert (await ask(app, "/class", token(scope="x"))).status_code == 200
    assert (await ask(app, "/class", token())).status_code == 403


async def test_scopes_can_be_checked_within_a_view() -> None:
    app = build()

    @app.get("/within")
    @ours.jwt_required()
    async def within() -> str:
        ours.check_scopes("a", "b")
        return "in"

    assert (await ask(app, "/within", token(scope="b a"))).status_code == 200
    assert (await ask(app, "/within", token(scope="b"))).status_code == 403
    async with app.test_request_context("/"):
        with pytest.raises(RuntimeError, match="verified"):
            ours.check_scopes("a")


async def test_an_application_may_answer_a_lack_of_scopes_itself() -> None:
    app = scoped()

    @app.errorhandler(InsufficientScopeError)
    async def answer(error: InsufficientScopeError) -> tuple[dict[str, Any], int]:
        return {"needed": error.scopes, "whose": error.jwt_data["sub"]}, 404

    response = await ask(app, "/alone", token())
    assert response.status_code == 404
    assert await response.get_json() == {"needed": ["houses:write"], "whose": "bob"}


async def test_a_new_token_has_the_scopes_given() -> None:
    app = scoped()
    async with app.app_context():
        made = await ours.create_access_token(
            "bob", additional_claims=ours.scope_claim("houses:read", "houses:write")
        )

    assert (await ask(app, "/both", made)).status_code == 200
    assert ours.scope_claim() == {"scope": ""}


@pytest.mark.parametrize("scope", ["", "a b", 'a"', "a\\", "\u00fc", "a\n", 5, None])
def test_what_is_no_scope_is_the_program_s_mistake(scope: Any) -> None:
    with pytest.raises(ValueError, match="is no scope"):
        ours.scope_claim(scope)
    with pytest.raises(ValueError, match="is no scope"):
        ours.requires_scopes(scope)
    with pytest.raises(ValueError, match="one scope"):
        ours.requires_scopes()


async def test_a_scope_is_asked_for_within_a_request() -> None:
    with pytest.raises(RuntimeError, match="request or a websocket"):
        await ours.requires_scopes("a")(bare)()


async def bare() -> str:
    return "in"
