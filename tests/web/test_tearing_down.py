"""Who wants to know that a request is over is told, however he asked for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from quart import Blueprint
from quart.signals import appcontext_tearing_down, request_tearing_down

from quartapp.web.application import Application

heard: list[str] = []


@pytest.fixture
def app() -> Application:
    heard.clear()
    app = Application("tests.web.tearing_down")
    told = Blueprint("told", __name__)

    @told.get("/told")
    @app.get("/")
    async def page() -> str:
        return "page"

    @told.teardown_request
    async def of_blueprint(_error: BaseException | None) -> None:
        heard.append("blueprint")

    app.register_blueprint(told)
    return app


async def test_functions_of_a_blueprint_are_called_for_its_requests_alone(app: Application) -> None:
    client = app.test_client()

    await client.get("/")
    assert heard == []
    await client.get("/told")
    assert heard == ["blueprint"]


async def test_functions_of_the_application_are_called_also_if_they_came_late(
    app: Application,
) -> None:
    client = app.test_client()
    await client.get("/")
    app.teardown_request_funcs[None].append(_note("request"))
    app.teardown_appcontext_funcs.append(_note("context"))

    await client.get("/")
    assert heard == ["request", "context"]


async def test_signals_are_sent_where_somebody_receives_them(app: Application) -> None:
    def on_request(_sender: object, **_: object) -> None:
        heard.append("request")

    def on_context(_sender: object, **_: object) -> None:
        heard.append("context")

    with (
        request_tearing_down.connected_to(on_request, app),
        appcontext_tearing_down.connected_to(on_context, app),
    ):
        await app.test_client().get("/")
    assert heard == ["request", "context"]


def _note(name: str) -> Callable[[BaseException | None], Awaitable[None]]:
    async def note(_error: BaseException | None) -> None:
        heard.append(name)

    return note
