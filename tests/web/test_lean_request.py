"""What is not looked for twice: hosts, blueprints, cookies and bodies of requests."""

from __future__ import annotations

import pytest
from quart import Blueprint, Quart, request, url_for

from quartapp.web import application
from quartapp.web.application import Application, Routes


@pytest.fixture
def app() -> Application:
    app = Application("tests.web.lean_request")
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__)

    @inner.get("/names")
    async def names() -> list[object]:
        return [request.blueprint, request.blueprints]

    @app.get("/address")
    async def address() -> str:
        return url_for("address", _external=True)

    @app.post("/body")
    async def body() -> list[object]:
        return [request.blueprint, request.content_length, request.cookies.to_dict()]

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    return app


async def test_blueprints_are_named_from_the_innermost_outwards(app: Application) -> None:
    answer = await app.test_client().get("/names")

    assert await answer.get_json() == ["outer.inner", ["outer.inner", "outer"]]


async def test_each_host_and_scheme_gets_its_own_addresses_also_when_asked_again(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MOST_HOSTS", 2)  # the third is not remembered
    client = app.test_client()
    for _ in range(2):
        for scheme in ("http", "https"):
            for host in ("a.example", "b.example:81"):
                answer = await client.get("/address?x=1", headers={"Host": host}, scheme=scheme)

                assert await answer.get_data() == f"{scheme}://{host}/address".encode()


async def test_routes_are_bound_with_all_that_werkzeug_binds(app: Application) -> None:
    async with app.test_request_context("/names?x=1", method="POST") as context:
        ours = context.url_adapter
        theirs = Quart.create_url_adapter(app, context.request)

    assert type(ours) is Routes
    assert theirs is not None
    assert vars(ours).keys() - vars(theirs).keys() == {"_plain"}
    assert vars(theirs).items() <= vars(ours).items()


async def test_a_query_and_a_method_are_those_of_each_request(app: Application) -> None:
    client = app.test_client()

    assert (await client.get("/address")).status_code == 200
    assert (await client.post("/address")).status_code == 405
    assert (await client.get("/addresses")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({}, None),
        ({"Content-Length": "0"}, 0),
        ({"Content-Length": "3"}, 3),
        ({"Content-Length": "3", "Transfer-Encoding": "chunked"}, None),
    ],
)
async def test_the_length_of_a_body_is_what_the_head_says(
    app: Application, headers: dict[str, str], length: int | None
) -> None:
    async with app.test_request_context("/body", method="POST", headers=headers):
        assert request.content_length == length


async def test_cookies_are_those_that_were_sent(app: Application) -> None:
    client = app.test_client(use_cookies=False)

    without = await client.post("/body")
    one = await client.post("/body", headers={"Cookie": "a=b; c=d"})

    assert (await without.get_json())[2] == {}
    assert (await one.get_json())[2] == {"a": "b", "c": "d"}


async def test_a_path_without_variables_is_found_again_for_its_own_methods_alone(
    app: Application,
) -> None:
    client = app.test_client()
    for _ in range(3):
        assert (await client.get("/address")).status_code == 200
        assert (await client.head("/address")).status_code == 200
        assert (await client.post("/address")).status_code == 405
        assert (await client.get("//address")).status_code == 200
        assert (await client.get("/address/")).status_code == 404
        assert (await client.get("/names")).status_code == 200
