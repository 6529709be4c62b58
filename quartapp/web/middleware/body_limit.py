"""A limit on request bodies that holds whatever the client says of their length."""

from __future__ import annotations

import json
from typing import cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPDisconnectEvent,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    Scope,
)


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
            await _refuse(send)
            return
        counted = _Counted(receive, send, self.limit)
        await self.app(scope, counted.receive, counted.send)
        if counted.exceeded and not counted.started:
            await _refuse(send)


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


async def _refuse(send: ASGISendCallable) -> None:
    body = json.dumps({"message": "The body is larger than this server takes."}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send(
        cast(
            HTTPResponseStartEvent,
            {"type": "http.response.start", "status": 413, "headers": headers},
        )
    )
    await send(
        cast(
            HTTPResponseBodyEvent,
            {"type": "http.response.body", "body": body, "more_body": False},
        )
    )
