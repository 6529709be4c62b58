"""A limit on request bodies that holds whatever the client says of their length."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPDisconnectEvent,
    HTTPRequestEvent,
    HTTPScope,
    Scope,
)

from quartapp.web.middleware import answers, bodies

TOO_LARGE = "quartapp.too_large"  # in the scope of a request whose body was not taken


class BodyLimit:
    """Lets 413 be answered to a body of more than `limit` bytes, and hands no more of it on.

    The application is then asked without a body, and finds TOO_LARGE in its scope.

    The framework's own limit looks at Content-Length, and so lets a chunked body through.
    """

    def __init__(self, app: ASGIFramework, limit: int) -> None:
        self.app = app
        self.limit = limit

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        if bodies.declared(scope) > self.limit:
            return self._refuse(scope, receive, send)
        return self._count(scope, receive, send)

    async def _count(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        counted = _Counted(scope, receive, send, self.limit)
        await self.app(scope, counted.receive, counted.send)
        if counted.exceeded and not counted.started:
            await self._refuse(scope, receive, send)
        elif counted.exceeded and counted.held_back is not None:
            # Cut off while its client was heard out: the answer itself is whole.
            await bodies.hear_out(receive, bodies.DRAIN_BYTES, bodies.DRAIN_SECONDS)
            await send(counted.held_back)

    async def _refuse(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Let the application say no, and take in what the client is still sending, within bounds.

        A connection that is closed on a client in mid-sentence is reset, and the answer lost with
        it.
        """
        marked = cast(HTTPScope, cast(dict[str, Any], scope) | {TOO_LARGE: True})
        told = False
        answered = asyncio.Event()

        async def nothing() -> ASGIReceiveEvent:
            nonlocal told
            if told:
                # Quart from 0.23 on listens until its client is gone.
                await answered.wait()
                return HTTPDisconnectEvent(type="http.disconnect")
            told = True
            return HTTPRequestEvent(type="http.request", body=b"", more_body=False)

        async def closing(event: ASGISendEvent) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event["headers"], (b"connection", b"close")]
            elif event["type"] == "http.response.body" and not event["more_body"]:
                await send(event | {"more_body": True})
                await bodies.hear_out(receive, bodies.DRAIN_BYTES, bodies.DRAIN_SECONDS)
                event["body"] = b""
            await send(event)
            if event["type"] == "http.response.body" and not event["more_body"]:
                answered.set()

        await self.app(marked, nothing, closing)


class _Counted:
    """The two channels of one request; past the limit the application sees its client gone."""

    def __init__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable, limit: int
    ) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self._read = asyncio.Event()  # nothing of the body is still to come
        if not bodies.may_follow(scope):
            self._read.set()
        self.exceeded = False
        self.started = False
        self.held_back: ASGISendEvent | None = None  # the end of an answer

    async def receive(self) -> ASGIReceiveEvent:
        event = await self._receive()
        if event["type"] == "http.request":
            self._left -= len(event["body"])
            if self._left < 0:
                self.exceeded = True
                return HTTPDisconnectEvent(type="http.disconnect")
        if event["type"] != "http.request" or not event["more_body"]:
            self._read.set()
        return event

    async def send(self, event: ASGISendEvent) -> None:
        if event["type"] == "http.response.start":
            self.started = True
            if event["status"] == answers.TOO_SLOW:
                self._read.set()
        elif event["type"] == "http.response.body" and not event["more_body"]:
            # Before an answer ends, its client may finish: see `_refuse`. The framework goes on
            # reading until then.
            self.held_back = event
            if not self._read.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(bodies.DRAIN_SECONDS):
                        await self._read.wait()
            self.held_back = None
        await self._send(event)
