"""More requests than may be in progress: the others are told so at once, and nobody is hung up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from quart import Quart
from werkzeug.datastructures import Headers

from quartapp.testing import temporary_app
from quartapp.web.middleware.crowd import Crowd

FORM = "application/x-www-form-urlencoded"
LIMIT = 2


@asynccontextmanager
async def full(app: Quart) -> AsyncIterator[list[Any]]:
    """As many requests as may be in progress, whose clients have not sent all."""
    headers = Headers({"Content-Type": FORM})
    clients = []
    for _ in range(LIMIT):
        request: Any = app.test_client().request("/login", method="POST", headers=headers)
        client = await request.__aenter__()
        await client.send(b"username=")
        clients.append(client)
    for _ in range(10):
        await asyncio.sleep(0)
    try:
        yield clients
    finally:
        for client in clients:
            await client.disconnect()
            await client.__aexit__(None, None, None)


async def test_beyond_the_limit_people_and_programs_are_told_when_to_come_back() -> None:
    async with temporary_app(max_in_flight=LIMIT) as app:
        client = app.test_client()
        async with full(app):
            page = await client.get("/login")
            refused = await client.get("/api/v1/houses")
            probes = [(await client.get(path)).status_code for path in ("/livez", "/readyz")]
        after = await client.get("/login")

    assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
    assert "Too many requests" in (await page.get_json())["message"]
    problem = await refused.get_json()
    assert (refused.status_code, refused.content_type) == (503, "application/problem+json")
    assert (problem["status"], problem["code"]) == (503, "overloaded")
    assert problem["request_id"] == refused.headers["X-Request-ID"]
    assert probes == [200, 200]
    assert after.status_code == 200


async def test_of_a_refused_upload_little_is_taken() -> None:
    taken = 0
    statuses = []

    async def receive() -> dict[str, Any]:
        nonlocal taken
        await asyncio.sleep(0)
        taken += 50_000
        return {"type": "http.request", "body": b"x" * 50_000, "more_body": True}

    async def send(event: dict[str, Any]) -> None:
        statuses.append(event.get("status"))

    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("is not asked")

    scope = {
        "type": "http",
        "path": "/",
        "http_version": "1.1",
        "headers": [(b"transfer-encoding", b"chunked")],
    }
    await Crowd(nothing, 0)(scope, receive, send)  # type: ignore[arg-type]
    assert statuses == [503, None, None]
    assert 0 < taken < 2_000_000


async def test_a_websocket_counts_and_is_refused_beyond_the_limit() -> None:
    release = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await release.wait()

    crowd = Crowd(application, 1)
    with_answer: dict[str, Any] = {"type": "websocket", "path": "/", "extensions": {}}
    with_answer["extensions"]["websocket.http.response"] = {}
    first = asyncio.create_task(handshake(crowd, with_answer))
    await asyncio.sleep(0)
    refused = await handshake(crowd, with_answer)
    closed = await handshake(crowd, {"type": "websocket", "path": "/"})
    release.set()

    assert await first == []
    assert [event["type"] for event in refused] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert (refused[0]["status"], (b"retry-after", b"2") in refused[0]["headers"]) == (503, True)
    assert [event["type"] for event in closed] == ["websocket.close"]


async def handshake(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What a client hears that begins a websocket."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    await app(scope, receive, send)
    return sent
