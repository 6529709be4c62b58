"""A cap on the requests in progress: who comes beyond it is told so at once."""

from __future__ import annotations

from typing import Any, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    Scope,
    WebsocketScope,
)

from quartapp.web.middleware import answers

RETRY_AFTER = 2  # seconds
CODE = "overloaded"
FULL = "Too many requests are in progress. Try again soon."


class Crowd:
    """Lets `limit` requests and websockets be in progress, and answers 503 to others.

    It says when to come back. The body of a refused upload is not taken.
    """

    def __init__(self, app: ASGIFramework, limit: int) -> None:
        self.app = app
        self._limit = limit
        self.running = 0  # requests and websockets in progress

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif self.running < self._limit:
            self.running += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.running -= 1
        elif scope["type"] == "websocket":
            await _refuse_handshake(scope, send)
        else:
            await answers.refuse(scope, receive, send, 503, CODE, FULL, _later())


async def _refuse_handshake(scope: WebsocketScope, send: ASGISendCallable) -> None:
    """Answer 503 where the server lets us, else close, which a server makes a 403."""
    if "websocket.http.response" not in cast(dict[str, Any], scope).get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013, "reason": None})
        return
    body = FULL.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        _later(),
    ]
    await send({"type": "websocket.http.response.start", "status": 503, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


def _later() -> answers.Header:
    return b"retry-after", str(RETRY_AFTER).encode()
