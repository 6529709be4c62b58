"""What a request leaves behind: nothing that only a search for garbage would find."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypercorn.typing import ASGISendEvent
from quart import Quart, Request

from quartapp.serve.requests import Requests
from quartapp.testing import temporary_app
from quartapp.web.connection import Connection


@pytest_asyncio.fixture(scope="module")
async def app() -> AsyncIterator[Quart]:
    async with temporary_app() as app:
        yield app


async def ask(app: Requests, path: str) -> int:
    """Ask as a server does, whose client stays until it is answered."""
    events = [{"type": "http.request", "body": b"", "more_body": False}]
    status: list[int] = []

    async def receive() -> Any:
        return events.pop() if events else await asyncio.Event().wait()

    async def send(event: ASGISendEvent) -> None:
        if event["type"] == "http.response.start":
            status.append(event["status"])

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "extensions": {},
    }
    await asyncio.create_task(app(scope, receive, send))
    return status[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/lessons/hello/flask", 200),  # answers at once
        ("/lessons/houses-list/", 200),  # waits for the database, and is listened to meanwhile
        ("/api/v1/houses", 401),
    ],
)
async def test_a_request_leaves_nothing_that_refers_to_itself(
    app: Quart, path: str, status: int
) -> None:
    served = Requests(app)
    assert await ask(served, path) == status
    gc.collect()
    gc.freeze()  # what other tests have left and still hold is not looked at
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        await ask(served, path)
        gc.collect()
        # By its type: to ask a weak proxy for its class is to ask what may be gone already.
        ours = (asyncio.Task, Connection, Request)
        left = [each for each in gc.garbage if issubclass(type(each), ours)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert left == []
