"""One request between server and application: how many sends, who listens, who is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from quart import Response, request

from quartapp.web.application import Application
from quartapp.web.middleware.body_pace import BodyPace


class Client:
    """What a server would be: `asked` counts how often the application listens."""

    def __init__(self, *, method: str = "GET", headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.asked = 0
        self.method = method
        self.headers = [(b"host", b"localhost"), *headers]

    def say(self, *parts: bytes) -> None:
        """Send these parts of a body, and no others."""
        for part in parts:
            more = part is not parts[-1]
            self.events.put_nowait({"type": "http.request", "body": part, "more_body": more})

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        return await self.events.get()

    async def send(self, event: dict[str, Any]) -> None:
        self.sent.append(event)

    async def ask(self, app: Application, path: str, root_path: str = "") -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": root_path,
            "headers": self.headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        async with asyncio.timeout(5):
            await app(scope, self.receive, self.send)  # type: ignore[arg-type]

    @property
    def body(self) -> bytes:
        return b"".join(event.get("body", b"") for event in self.sent)


@pytest.fixture
def app() -> Application:
    app = Application("tests.web.connection")

    @app.get("/plain")
    async def plain() -> str:
        return "plain"

    @app.post("/echo")
    async def echo() -> bytes:
        data = await request.get_data()
        assert isinstance(data, bytes)
        return data

    @app.get("/stream")
    async def stream() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return Response(chunks())

    return app


async def test_an_answer_without_a_wait_is_two_sends_and_nobody_listens(app: Application) -> None:
    client = Client()
    await client.ask(app, "/plain")
    assert [event["type"] for event in client.sent] == [
        "http.response.start",
        "http.response.body",
    ]
    assert client.sent[1] == {"type": "http.response.body", "body": b"plain", "more_body": False}
    await asyncio.sleep(0)
    assert client.asked == 0


@pytest.mark.parametrize("read", ["at once", "in parts"])
async def test_a_body_that_nobody_has_announced_is_there_for_who_wants_it(
    app: Application, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quartapp.web.client.PATIENCE", 60)

    @app.get("/odd")
    async def odd() -> str:
        if read == "at once":
            return str(await request.get_data(as_text=True))
        return b"".join([part async for part in request.body]).decode()

    client = Client()
    client.say(b"first ", b"second")
    await client.ask(app, "/odd")
    assert client.body == b"first second"


async def test_nobody_listens_to_who_sends_no_body_before_the_view_has_taken_its_time(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    @app.get("/soon")
    async def soon() -> str:
        await asyncio.sleep(0.01)
        return "soon"

    client = Client()
    await client.ask(app, "/soon")
    assert client.asked == 0

    monkeypatch.setattr("quartapp.web.client.PATIENCE", 0)
    await client.ask(app, "/soon")
    assert client.asked == 1


async def test_a_view_that_waits_for_its_body_gets_it(app: Application) -> None:
    client = Client(method="POST")
    client.say(b"first ", b"second")
    await client.ask(app, "/echo")
    assert client.body == b"first second"
    await asyncio.sleep(0)
    assert client.asked == 2


async def test_of_two_who_read_a_body_at_once_neither_waits_for_ever(app: Application) -> None:
    @app.post("/twice")
    async def twice() -> bytes:
        # From Quart 0.23 on only one of them has it.
        one, other = await asyncio.gather(request.get_data(), request.get_data())
        assert isinstance(one, bytes)
        assert isinstance(other, bytes)
        return max(one, other)

    client = Client(method="POST")
    asking = asyncio.create_task(client.ask(app, "/twice"))
    await asyncio.sleep(0.01)
    client.say(b"first ", b"second ")
    await asking
    assert client.body == b"first second "


async def test_an_answer_may_be_made_of_the_body_as_it_arrives(app: Application) -> None:
    @app.post("/back")
    async def back() -> Response:
        body = request.body

        async def chunks() -> AsyncIterator[bytes]:
            async for part in body:
                yield part.upper()

        return Response(chunks())

    client = Client(method="POST")
    asking = asyncio.create_task(client.ask(app, "/back"))
    for part in (b"first ", b"second"):
        client.events.put_nowait({"type": "http.request", "body": part, "more_body": True})
        await asyncio.sleep(0.01)
        assert client.body.endswith(part.upper())
    client.say(b"")
    await asking


@pytest.mark.parametrize("patience", [0, 60])
async def test_a_view_is_cancelled_when_its_client_hangs_up_in_the_middle_of_the_body(
    app: Application, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quartapp.web.client.PATIENCE", patience)
    how: list[str] = []

    @app.post("/read")
    async def read() -> str:
        try:
            await anext(request.body)
            how.append("begun")
            await request.get_data()
        except asyncio.CancelledError:
            how.append("cancelled")
            await asyncio.sleep(0)  # to tidy up takes its time, too
            how.append("tidy")
            raise
        return ""

    client = Client(method="POST")
    client.events.put_nowait({"type": "http.request", "body": b"first", "more_body": True})
    asking = asyncio.create_task(client.ask(app, "/read"))
    await asyncio.sleep(0.01)
    client.events.put_nowait({"type": "http.disconnect"})
    client.events.put_nowait({"type": "http.disconnect"})
    await asking
    assert how == ["begun", "cancelled", "tidy"]
    assert client.sent == []
    assert asking.cancelling() == 0


async def test_each_chunk_of_a_stream_is_sent_when_it_is_made(app: Application) -> None:
    client = Client()
    await client.ask(app, "/stream")
    assert [event.get("body") for event in client.sent] == [None, b"one", b"two", b""]
    assert [event.get("more_body") for event in client.sent] == [None, True, True, False]


async def test_a_view_is_cancelled_when_its_client_hangs_up_and_the_server_hears_no_error(
    app: Application,
) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    @app.get("/wait")
    async def wait() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    client = Client()
    asking = asyncio.create_task(client.ask(app, "/wait"))
    await begun.wait()
    client.events.put_nowait({"type": "http.disconnect"})
    await asking
    assert cancelled.is_set()
    assert client.sent == []
    assert asking.cancelling() == 0


async def test_a_server_that_cancels_a_request_hears_so_and_nothing_is_left(
    app: Application,
) -> None:
    begun = asyncio.Event()

    @app.get("/wait")
    async def wait() -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    before = asyncio.all_tasks()
    asking = asyncio.create_task(Client().ask(app, "/wait"))
    await begun.wait()
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asyncio.all_tasks() == before


async def test_a_server_that_fails_while_the_body_is_read_is_heard(app: Application) -> None:
    client = Client(method="POST")

    async def fail() -> dict[str, Any]:
        raise RuntimeError("the server is broken")

    client.receive = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="the server is broken"):
        await client.ask(app, "/echo")


@pytest.mark.parametrize(
    ("path", "status"), [("/at/plain", 200), ("/at", 404), ("/atplain", 404), ("/plain", 404)]
)
async def test_below_its_root_path_alone_an_application_has_pages(
    app: Application, path: str, status: int
) -> None:
    client = Client()
    await client.ask(app, path, root_path="/at")
    assert client.sent[0]["status"] == status


@pytest.mark.parametrize("limit", ["the application's", "its own"])
async def test_an_answer_that_takes_too_long_is_given_up(app: Application, limit: str) -> None:
    ended = asyncio.Event()

    @app.get("/slow")
    async def slow() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                yield b"one"
                await asyncio.Event().wait()
            finally:
                ended.set()

        response = Response(chunks())
        if limit == "its own":
            response.timeout = 0.05
        return response

    if limit == "the application's":
        app.config["RESPONSE_TIMEOUT"] = 0.05
    client = Client()
    before = asyncio.all_tasks()
    asking = asyncio.create_task(client.ask(app, "/slow"))
    await asking
    assert client.body == b"one"
    assert ended.is_set()
    assert asking.cancelling() == 0
    assert asyncio.all_tasks() == before


async def test_an_answer_that_its_client_does_not_take_is_given_up(app: Application) -> None:
    app.config["RESPONSE_TIMEOUT"] = 0.05
    client = Client()

    async def hold(_event: object) -> None:
        await asyncio.Event().wait()

    client.send = hold  # type: ignore[assignment, method-assign]
    asking = asyncio.create_task(client.ask(app, "/plain"))
    await asking
    assert asking.cancelling() == 0


async def test_an_answer_may_take_as_long_as_it_likes_where_it_says_so(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quartapp.web.client.PATIENCE", 0)
    app.config["RESPONSE_TIMEOUT"] = 0.01

    @app.get("/patient")
    async def patient() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            await asyncio.sleep(0.05)
            yield b"late"

        response = Response(chunks())
        response.timeout = None
        return response

    client = Client()
    await client.ask(app, "/patient")
    assert client.body == b"late"


async def test_nobody_is_answered_who_is_gone_whatever_the_view_makes_of_it(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quartapp.web.client.PATIENCE", 0)

    @app.get("/stubborn")
    async def stubborn() -> Response:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

        async def without_end() -> AsyncIterator[bytes]:
            while True:
                yield b"more"
                await asyncio.sleep(0)

        return Response(without_end())

    client = Client()
    client.events.put_nowait({"type": "http.disconnect"})
    await client.ask(app, "/stubborn")
    assert client.sent == []


async def test_parts_without_content_are_no_parts(app: Application) -> None:
    app.asgi_app = BodyPace(app.asgi_app)  # type: ignore[assignment,method-assign]
    client = Client(method="POST")
    parts = [bytes(1)] + 100 * [b""] + 100 * [bytes(16 * 1024)]
    for part in parts:
        client.events.put_nowait({"type": "http.request", "body": part, "more_body": True})
    client.say(b"")

    @app.post("/count")
    async def count() -> str:
        return str(sum([len(part) async for part in request.body]))

    await client.ask(app, "/count")
    assert client.body == str(len(b"".join(parts))).encode()


async def test_a_body_that_is_refused_for_what_it_announces_is_not_taken_in(
    app: Application,
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10
    client = Client(method="POST", headers=[(b"content-length", b"11")])
    asking = asyncio.create_task(client.ask(app, "/echo"))
    await asyncio.wait([asking])
    assert client.sent[0]["status"] == 413
