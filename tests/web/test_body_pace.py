"""What arrives of a body waits for its reader, and is forgotten when it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from quart import Quart, request

from quartapp.web.forms import LimitedRequest
from quartapp.web.middleware import body_pace
from quartapp.web.middleware.body_pace import AHEAD, KEY, BodyPace, Pace
from tests.web.wire import speak

CHUNK = 100_000
CHUNKS = 100

Reader = Callable[[Pace, Callable[[], int], Any], Any]
POST = {"type": "http", "http_version": "1.1", "method": "POST", "headers": []}


async def play(reader: Reader) -> int:
    """Send a body to `reader`, which is told how much has arrived; how much has at the end."""
    arrived = 0

    async def receive() -> dict[str, Any]:
        nonlocal arrived
        arrived += CHUNK
        more = arrived < CHUNK * CHUNKS
        return {"type": "http.request", "body": b"x" * CHUNK, "more_body": more}

    async def send(event: Any) -> None:
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def take_in() -> None:
            for _ in range(CHUNKS):
                await receive()
                await asyncio.sleep(0)

        taking = asyncio.create_task(take_in())
        await reader(scope[KEY], lambda: arrived, send)
        await asyncio.wait_for(taking, 5)

    await BodyPace(app)(POST, receive, send)  # type: ignore[arg-type]
    return arrived


async def others_go_on() -> None:
    for _ in range(3 * CHUNKS):
        await asyncio.sleep(0)


async def test_no_more_arrives_than_a_slow_reader_is_about_to_need() -> None:
    most = 0

    async def read_slowly(pace: Pace, arrived: Callable[[], int], _: Any) -> None:
        nonlocal most
        pace.begin()
        for number in range(CHUNKS):
            await others_go_on()
            most = max(most, arrived() - number * CHUNK)
            pace.read(CHUNK)

    assert await play(read_slowly) == CHUNK * CHUNKS
    assert AHEAD < most <= AHEAD + 2 * CHUNK


async def test_a_body_that_nobody_paces_is_taken_in_at_once() -> None:
    seen = 0

    async def wait(_: Pace, arrived: Callable[[], int], send: Any) -> None:
        nonlocal seen
        await others_go_on()
        seen = arrived()

    await play(wait)
    assert seen == CHUNK * CHUNKS


async def test_what_is_left_of_a_body_is_taken_in_when_it_is_answered() -> None:
    async def answer_early(pace: Pace, arrived: Callable[[], int], send: Any) -> None:
        pace.begin()
        await others_go_on()
        assert arrived() < 2 * AHEAD
        await send({"type": "http.response.start", "status": 400, "headers": []})

    assert await play(answer_early) == CHUNK * CHUNKS


async def test_what_comes_after_an_answer_is_not_kept() -> None:
    kept = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal kept
        await send({"type": "http.response.start", "status": 401, "headers": []})
        kept = len((await receive())["body"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(event: Any) -> None:
        pass

    await BodyPace(app)(POST, receive, send)  # type: ignore[arg-type]
    assert kept == 0


@pytest.mark.parametrize("by_chunks", [True, False])
async def test_the_body_of_any_request_waits_for_its_view(by_chunks: bool) -> None:
    sent = before = 0
    app = Quart(__name__)
    app.request_class = LimitedRequest
    app.config["MAX_CONTENT_LENGTH"] = None
    paced = BodyPace(app.asgi_app)

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        async def taken() -> Any:
            nonlocal sent
            event = await receive()
            sent += len(event.get("body", b""))
            return event

        await paced(scope, taken, send)

    app.asgi_app = counted  # type: ignore[method-assign]

    @app.post("/")
    async def read() -> str:
        nonlocal before
        await others_go_on()
        before = sent
        if by_chunks:
            return str(sum([len(chunk) async for chunk in request.body]))
        return str(len(await request.get_data()))

    heard = await speak(app, "/", [b"x" * CHUNK] * CHUNKS, content_type="text/plain")

    assert heard.body == b"10000000"
    assert before <= AHEAD + CHUNK


@pytest.mark.parametrize("path", ["/login", "/api/v1/auth/sign-in"])
async def test_who_drips_a_body_is_told_that_it_is_too_slow(
    path: str, app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_pace, "PATIENCE", 0.2)
    statuses: list[int] = []
    dripped = 0

    async def receive() -> dict[str, Any]:
        nonlocal dripped
        dripped += 1
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def send(event: dict[str, Any]) -> None:
        statuses.append(event.get("status", 0))

    async with asyncio.timeout(10):
        await app(form_scope(path), receive, send)  # type: ignore[arg-type]
    assert statuses == [408, 0, 0]
    assert dripped < 1000


async def test_one_whose_body_is_long_but_flows_has_all_the_time_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_pace, "PATIENCE", 0.1)
    left = 10
    heard: list[str] = []

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"a" * 1024, "more_body": left > 0}

    async def send(event: dict[str, Any]) -> None:
        pass

    async def read_all(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            event = await receive()
            heard.append(event["type"])
            more = event.get("more_body", False)

    await BodyPace(read_all)(form_scope("/"), receive, send)  # type: ignore[arg-type]
    assert heard == ["http.request"] * 10


def form_scope(path: str) -> dict[str, Any]:
    """What a server says of a form whose length is not known."""
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/x-www-form-urlencoded"),
            (b"transfer-encoding", b"chunked"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "extensions": {},
    }
