"""The requests in progress, and how those that outlast the shutdown timeout are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)

_TOO_LATE = b"The server is stopping; try again.\n"
_CLOSE = (b"connection", b"close")
_ENDS: dict[str, Any] = {
    "http": {"type": "http.disconnect"},
    "websocket": {"type": "websocket.disconnect", "code": 1012},
    "lifespan": {"type": "lifespan.shutdown"},
}


class Requests:
    """An application that knows its running requests and can tell each that its client is gone.

    hypercorn waits for them without an end where it should stop (on Python 3.12 and later), and
    a task that is cancelled from outside leaves those behind that Quart started for a request.
    An application that hears of a disconnect, in contrast, tidies up after itself.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self._app = app
        self._running: set[asyncio.Task[Any]] = set()
        self._waiting: dict[asyncio.Task[Any], str] = {}  # for a message, on which kind of scope
        self._ended: set[str] = set()  # kinds of scope
        self._closing = False
        self._refusing = False
        self._begun = 0
        self._every, self._call = 0, _nothing

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Run the application on one request, or for its start and end."""
        kind = scope["type"]
        started = False

        def receive_or_end() -> Awaitable[ASGIReceiveEvent]:
            return self._receive(kind, receive)

        def send_and_note(message: ASGISendEvent) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(self._with_close(scope, message) if self._closing else message)

        if kind == "lifespan":
            await self._app(scope, receive_or_end, send)
            return
        if self._refusing and scope["type"] == "http":
            await _say_too_late(send, scope["http_version"])
            return
        self._count()
        task = _current_task()
        self._running.add(task)
        try:
            await self._app(scope, receive_or_end, send_and_note)
        finally:
            self._running.discard(task)
            if scope["type"] == "http" and "http" in self._ended and not started:
                await _say_too_late(send, scope["http_version"])

    def call_every(self, requests: int, call: Callable[[], None]) -> None:
        """Call something every so many requests; 0 means never."""
        self._every, self._call = requests, call

    def last_call(self) -> None:
        """Say with each answer that its connection closes."""
        self._closing = True

    def refuse(self) -> None:
        """Begin no more requests: the server is about to close the connections that are idle."""
        self._refusing = True

    def disconnect(self) -> None:
        """Tell every request that its client is gone; those begun later hear it at once."""
        self._end("http", "websocket")

    def cancel(self) -> None:
        """Cancel the requests that did not heed it."""
        for task in self._running:
            task.cancel()

    def shut_down(self) -> None:
        """Tell the application that the server ends, as hypercorn does when it comes to it."""
        self._end("lifespan")

    def _count(self) -> None:
        self._begun += 1
        if self._every and self._begun % self._every == 0:
            self._call()

    def _with_close(self, scope: Scope, message: ASGISendEvent) -> ASGISendEvent:
        if message["type"] != "http.response.start":
            return message
        headers = list(message["headers"])
        said = any(name.lower() == b"connection" for name, _ in headers)
        if said or (scope["type"] == "http" and scope["http_version"] >= "2"):
            return message
        return {**message, "headers": [*headers, _CLOSE]}

    def _end(self, *kinds: str) -> None:
        self._ended.update(kinds)
        for task, kind in self._waiting.items():
            if kind in kinds:
                task.cancel()  # wakes `_receive`, which knows why

    async def _receive(self, kind: str, receive: ASGIReceiveCallable) -> ASGIReceiveEvent:
        if kind in self._ended:
            return _end_of(kind)
        task = _current_task()
        self._waiting[task] = kind
        try:
            return await receive()
        except asyncio.CancelledError:
            if kind not in self._ended:
                raise
            task.uncancel()
            return _end_of(kind)
        finally:
            self._waiting.pop(task, None)
            del task  # which else keeps itself, by the traceback of its cancellation


def _nothing() -> None:
    """What is called where nothing is to be called."""


def _end_of(kind: str) -> ASGIReceiveEvent:
    end: ASGIReceiveEvent = _ENDS[kind]
    return end


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("an ASGI application runs in a task")
    return task


async def _say_too_late(send: ASGISendCallable, http_version: str) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(_TOO_LATE)).encode()),
        (b"retry-after", b"5"),
    ]
    if http_version < "2":
        headers.append(_CLOSE)
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _TOO_LATE, "more_body": False})
