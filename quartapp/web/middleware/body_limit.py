"""A limit on request bodies that holds whatever the client says of their length."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPDisconnectEvent,
    Scope,
)

from quartapp.web.middleware import answers

DRAIN_BYTES = 64 * 2**20  # what a refused client may still send before it is cut off
DRAIN_SECONDS = 5.0


class BodyLimit:
    """Answers 413 to a body of more than `limit` bytes, and hands no more of it on.

    The framework's own limit looks at Content-Length, and so lets a chunked body through.
    """

    def __init__(self, app: ASGIFramework, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _declared(scope["headers"]) > self.limit:
            await _refuse(receive, send)
            return
        counted = _Counted(receive, send, self.limit)
        await self.app(scope, counted.receive, counted.send)
        if counted.exceeded and not counted.started:
            await _refuse(receive, send)


class _Counted:
    """The two channels of one request; past the limit the application sees its client gone."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self.exceeded = False
        self.started = False

    async def receive(self) -> ASGIReceiveEvent:
        event = await self._receive()
        if event["type"] == "http.request":
            self._left -= len(event["body"])
            if self._left < 0:
                self.exceeded = True
                return cast(HTTPDisconnectEvent, {"type": "http.disconnect"})
        return event

    async def send(self, event: ASGISendEvent) -> None:
        if event["type"] == "http.response.start":
            self.started = True
        await self._send(event)


def _declared(headers: object) -> int:
    for name, value in cast(list[tuple[bytes, bytes]], headers):
        if name.lower() == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _refuse(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer 413, and take in what the client is still sending, within bounds.

    A connection that is closed on a client in mid-sentence is reset, and the answer lost with it.
    """
    await answers.begin(send, 413, "The body is larger than this server takes.")
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await _drain(receive)
    await answers.end(send)


async def _drain(receive: ASGIReceiveCallable) -> None:
    left = DRAIN_BYTES
    while left > 0:
        event = await receive()
        if event["type"] != "http.request" or not event["more_body"]:
            return
        left -= len(event["body"])
