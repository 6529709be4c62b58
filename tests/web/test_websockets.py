"""There is no websocket here yet: a handshake is refused, never a failure."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Quart
from quart.testing.connections import WebsocketResponseError

from quartapp.testing import SECRET, temporary_app
from quartapp.web.lessons import LESSONS


async def refused(app: Quart, path: str) -> int:
    """The status of a handshake that is refused."""
    with pytest.raises(WebsocketResponseError) as raised:
        async with app.test_client().websocket(path) as connection:
            await connection.receive()
    return int(raised.value.response.status_code)


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/lessons/hello/flask", "/lessons/session/", "/lessons/restful/user"]
)
async def test_a_handshake_is_refused(path: str, app: Quart) -> None:
    assert await refused(app, path) in {400, 404, 405}


@pytest.mark.parametrize("lesson", ["session", "flash", "restful", "login-db"])
async def test_a_handshake_with_a_lesson_alone_is_refused(lesson: str) -> None:
    async with temporary_app(lesson=lesson) as alone:
        assert await refused(alone, "/") in {400, 404, 405}


async def test_a_handshake_in_a_bare_application_is_refused() -> None:
    bare = Quart("bare")
    bare.secret_key = SECRET
    bare.register_blueprint(LESSONS["session"].blueprint, url_prefix="/x/y")
    assert await refused(bare, "/x/y/") in {400, 404, 405}


async def test_a_handshake_with_a_malformed_host_is_closed(app: Quart) -> None:
    sent: list[dict[str, Any]] = []
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": "/",
        "headers": [(b"host", b"a..b")],
        "extensions": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await app(scope, receive, send)  # type: ignore[arg-type]
    assert [event["type"] for event in sent] == ["websocket.close"]
