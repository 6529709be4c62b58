"""Guards on every kind of view, and what is known of the token behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, cast

import jwt as pyjwt
import pytest
from quart import Blueprint, Quart, Response, render_template_string, request
from quart.views import MethodView, View

import quartapp.jwt as ours
from quartapp.jwt.exceptions import NoAuthorizationError
from tests.jwt.support import KEY, NOW, bearer, build, styled, token

READERS: list[Callable[[], Any]] = [
    ours.get_jwt,
    ours.get_jwt_header,
    ours.get_jwt_identity,
    ours.get_current_user,
]


def bare(**options: Any) -> Quart:
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config.update(options)
    ours.JWTManager(app)
    return app


async def status(app: Quart, path: str, encoded: str | None = None, method: str = "GET") -> int:
    headers = dict(bearer(encoded)) if encoded else {}
    response = await getattr(app.test_client(), method.lower())(path, headers=headers)
    return int(response.status_code)


async def test_what_a_view_sees_of_its_token(style: str) -> None:
    client = build(style).test_client()

    response = await client.get("/protected", headers=dict(bearer(token(role="x"))))

    seen = await response.get_json()
    assert (seen["identity"], seen["location"], seen["user"]) == ("bob", "headers", {"name": "bob"})
    assert seen["header"] == {"alg": "HS256", "typ": "JWT"}
    assert seen["claims"]["role"] == "x"


async def test_what_a_view_sees_without_its_optional_token(style: str) -> None:
    response = await build(style).test_client().get("/optional")

    assert await response.get_json() == {
        "identity": None,
        "location": None,
        "user": None,
        "header": {},
        "claims": {},
    }


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
async def test_reading_before_verifying_is_a_mistake(app: Quart, read: Callable[[], Any]) -> None:
    with pytest.raises(RuntimeError):
        read()
    async with app.app_context():
        with pytest.raises(RuntimeError, match="No token is verified"):
            read()
    async with app.test_request_context("/"):
        with pytest.raises(RuntimeError, match="No token is verified"):
            read()


async def test_the_location_can_be_asked_anywhere(app: Quart) -> None:
    assert ours.get_jwt_request_location() is None
    async with app.app_context():
        assert ours.get_jwt_request_location() is None
    async with app.test_request_context("/"):
        assert ours.get_jwt_request_location() is None
    async with Quart("bare").test_request_context("/"):
        assert ours.get_jwt_request_location() is None


async def test_verifying_in_a_test_context_gives_header_and_claims(app: Quart) -> None:
    async with app.test_request_context("/", headers=dict(bearer(token()))):
        verified = await ours.verify_jwt_in_request()

        assert verified is not None
        header, claims = verified
        assert (header["alg"], claims["sub"]) == ("HS256", "bob")
        assert ours.get_jwt() is claims
        assert ours.current_user["name"] == "bob"


async def test_options_and_an_absent_optional_token_give_none(app: Quart) -> None:
    async with app.test_request_context("/", method="OPTIONS"):
        assert await ours.verify_jwt_in_request() is None
        with pytest.raises(RuntimeError):
            ours.get_jwt()
    async with app.test_request_context("/"):
        assert await ours.verify_jwt_in_request(optional=True) is None
        assert ours.get_jwt() == {}


async def test_verifying_needs_a_request(app: Quart) -> None:
    async with app.app_context():
        with pytest.raises(RuntimeError, match="needs a request"):
            await ours.verify_jwt_in_request()


async def test_there_is_no_user_without_a_lookup() -> None:
    app = bare()
    async with app.test_request_context("/", headers=dict(bearer(token()))):
        await ours.verify_jwt_in_request()
        with pytest.raises(RuntimeError, match=r"@jwt\.user_lookup_loader"):
            ours.get_current_user()


async def test_requests_within_one_application_context_share_nothing(app: Quart) -> None:
    @app.get("/who")
    async def who() -> dict[str, Any]:
        return {"location": ours.get_jwt_request_location()}

    async with app.app_context():
        client = app.test_client()
        await client.get("/protected", headers=dict(bearer(token())))
        response = await client.get("/who")

    assert await response.get_json() == {"location": None}


async def test_requests_at_the_same_time_keep_their_own_tokens() -> None:
    app = bare()
    gate = asyncio.Event()

    @app.get("/")
    @ours.jwt_required()
    async def view() -> dict[str, Any]:
        if ours.get_jwt_identity() == "user-0":
            gate.set()
        await gate.wait()
        return {"identity": ours.get_jwt_identity()}

    async def ask(name: str) -> Any:
        response = await app.test_client().get("/", headers=dict(bearer(token(sub=name))))
        return (await response.get_json())["identity"]

    names = [f"user-{number}" for number in range(19, -1, -1)]
    assert await asyncio.gather(*map(ask, names)) == names


async def test_a_guard_on_a_class_and_on_one_method(style: str) -> None:
    app = bare()

    class Whole(MethodView):
        decorators: ClassVar = [ours.jwt_required()]
        get = staticmethod(styled(style, lambda: {"identity": ours.get_jwt_identity()}))

    class Half(MethodView):
        def get(self) -> str:
            return "open"

        @ours.jwt_required(fresh=True)
        async def post(self) -> dict[str, Any]:
            return {"identity": ours.get_jwt_identity()}

    class Single(View):
        decorators: ClassVar = [ours.jwt_required(refresh=True)]

        async def dispatch_request(self, **kwargs: Any) -> str:
            return str(kwargs["number"])

    app.add_url_rule("/whole", view_func=Whole.as_view("whole"))
    app.add_url_rule("/half", view_func=Half.as_view("half"))
    app.add_url_rule("/single/<int:number>", view_func=Single.as_view("single"))

    assert [await status(app, "/whole"), await status(app, "/whole", token())] == [401, 200]
    assert await status(app, "/half") == 200
    assert await status(app, "/half", token(), "POST") == 401
    assert await status(app, "/half", token(fresh=True), "POST") == 200
    assert await status(app, "/single/5", token()) == 422
    assert await status(app, "/single/5", token(type="refresh")) == 200


async def test_a_guard_keeps_the_name_and_the_arguments_of_its_view(style: str) -> None:
    app = bare()

    @app.get("/houses/<int:number>")
    @ours.jwt_required()
    async def house(number: int) -> dict[str, int]:
        """One house."""
        return {"number": number}

    response = await app.test_client().get("/houses/7", headers=dict(bearer(token())))

    assert await response.get_json() == {"number": 7}
    assert (house.__name__, house.__doc__) == ("house", "One house.")


def test_a_guard_without_parentheses_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="parentheses"):

        @ours.jwt_required  # type: ignore[arg-type]
        async def view() -> None: ...


async def test_a_guard_before_every_request() -> None:
    app = bare()

    @app.before_request
    async def guard() -> None:
        if request.path != "/open":
            await ours.verify_jwt_in_request()

    @app.get("/open")
    @app.get("/closed")
    async def view() -> str:
        return "in"

    assert [await status(app, "/open"), await status(app, "/closed")] == [200, 401]
    assert await status(app, "/closed", token()) == 200


async def test_an_answer_can_be_given_a_new_token_afterwards() -> None:
    app = bare(JWT_TOKEN_LOCATION=["cookies"])

    @app.get("/")
    @ours.jwt_required()
    async def view() -> str:
        return "in"

    @app.after_request
    async def renew(response: Response) -> Response:
        if ours.get_jwt_request_location() == "cookies":
            new = await ours.create_access_token(ours.get_jwt_identity())
            await ours.set_access_cookies(response, new)
        return response

    client = app.test_client()
    old = token()
    response = await client.get("/", headers={"Cookie": f"access_token_cookie={old}"})

    assert old not in response.headers["Set-Cookie"]
    assert (await client.get("/")).status_code == 200


async def test_an_invalid_token_is_written_into_no_cookie(app: Quart) -> None:
    async with app.app_context():
        response = Response("x")
        with pytest.raises(pyjwt.InvalidTokenError):
            await ours.set_access_cookies(response, token(exp=NOW - 9))

    assert "Set-Cookie" not in response.headers


async def test_refusals_are_answered_although_all_exceptions_are_handled(style: str) -> None:
    app = bare()
    app.register_error_handler(Exception, styled(style, lambda _: ("caught", 599)))

    @app.get("/")
    @ours.jwt_required()
    async def view() -> str:
        return "in"

    @app.get("/broken")
    async def broken() -> str:
        raise OSError

    assert await status(app, "/") == 401
    assert await status(app, "/", token(exp=NOW - 9)) == 401
    assert await status(app, "/", "x") == 422
    assert await status(app, "/broken") == 599


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (pyjwt.DecodeError("mine"), (422, {"msg": "mine"})),
        (pyjwt.ImmatureSignatureError("mine"), (422, {"msg": "mine"})),
        (pyjwt.ExpiredSignatureError("mine"), (401, {"msg": "Token has expired"})),
        (NoAuthorizationError("mine"), (401, {"msg": "mine"})),
        (ours.JWTDecodeError("\ud800" * 9), (422, {"msg": "?" * 9})),
    ],
    ids=lambda case: type(case).__name__,
)
async def test_a_view_that_raises_a_refusal_is_answered_as_one(
    error: Exception, answer: tuple[int, Any]
) -> None:
    app = bare()

    @app.get("/")
    async def view() -> str:
        raise error

    response = await app.test_client().get("/")

    assert (response.status_code, await response.get_json()) == answer


async def test_a_blueprint_may_bring_the_manager_along() -> None:
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    blueprint, manager = Blueprint("auth", "auth"), ours.JWTManager()
    blueprint.record_once(lambda setup: manager.init_app(cast("Quart", setup.app)))

    @blueprint.get("/")
    @ours.jwt_required()
    async def view() -> str:
        return "in"

    app.register_blueprint(blueprint)

    assert app.extensions["flask-jwt-extended"] is manager
    assert [await status(app, "/"), await status(app, "/", token())] == [401, 200]


async def test_one_manager_may_serve_several_applications() -> None:
    manager = ours.JWTManager()
    first, second = Quart("first"), Quart("second")
    for app, key in ((first, KEY), (second, KEY + "2")):
        app.config["JWT_SECRET_KEY"] = key
        manager.init_app(app)
        app.add_url_rule("/", "view", ours.jwt_required()(styled("def", lambda: "in")))

    assert [await status(first, "/", token()), await status(second, "/", token())] == [200, 422]
    assert first.config["JWT_CSRF_METHODS"] is not second.config["JWT_CSRF_METHODS"]


async def test_templates_see_the_user_and_on_a_page_for_everybody_none() -> None:
    app = Quart("tests")
    app.config["JWT_SECRET_KEY"] = KEY
    manager = ours.JWTManager(app, add_context_processor=True)
    page = "{{ current_user.name if current_user else 'nobody' }}"

    @app.get("/known")
    @ours.jwt_required(optional=True)
    async def known() -> str:
        return await render_template_string(page)

    @app.get("/open")
    async def everybody() -> str:
        return await render_template_string(page)

    @app.get("/proxy")
    async def proxy() -> str:
        return await render_template_string(page, current_user=ours.current_user)

    async def text(path: str) -> str:
        response = await app.test_client().get(path, headers=dict(bearer(token())))
        return str(await response.get_data(as_text=True))

    assert await text("/known") == "nobody"
    manager.user_lookup_loader(lambda _, claims: {"name": claims["sub"]})
    assert await text("/known") == "bob"
    assert await text("/open") == "nobody"
    assert await text("/proxy") == "nobody"
    assert await (await app.test_client().get("/known")).get_data(as_text=True) == "nobody"
    async with app.app_context():
        assert await render_template_string(page) == "nobody"


async def test_a_plain_view_runs_in_a_thread_and_knows_its_token() -> None:
    app = bare()

    @app.get("/")
    @ours.jwt_required()
    def view() -> dict[str, Any]:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return {"identity": ours.get_jwt_identity()}

    response = await app.test_client().get("/", headers=dict(bearer(token())))

    assert await response.get_json() == {"identity": "bob"}


async def test_a_body_that_is_too_large_is_answered_as_such() -> None:
    app = bare(JWT_TOKEN_LOCATION=["json"], MAX_CONTENT_LENGTH=100)

    @app.post("/")
    @ours.jwt_required()
    async def view() -> str:
        return "in"

    response = await app.test_client().post("/", json={"access_token": "x" * 1000})

    assert response.status_code == 413
