"""Bodies are taken in no faster than they are read, and not from clients that drip them.

The framework keeps in memory all that its view has not read yet, which for an upload over a fast
line is most of it: so a reader that says how far it is gets no more than it needs. What comes
after an answer has begun is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPDisconnectEvent,
    HTTPScope,
    Scope,
)

from quartapp.web.middleware import answers

KEY = "quartapp.pace"  # in the scope of a request
AHEAD = 2**20  # bytes that may have arrived and not be read

# A client may keep us waiting for its body for so many seconds, and one more for each of so many
# bytes: nobody who means it is slower.
PATIENCE = 30.0
BYTES_A_SECOND = 1024

SLOW = (answers.TOO_SLOW, "request-timeout", "The request's body arrives too slowly.")


class Pace:
    """How far what arrives of one body is ahead of its reader."""

    def __init__(self) -> None:
        self._ahead = 0
        self._has_reader = False
        self._near = asyncio.Event()

    def begin(self) -> None:
        """Somebody reads, and says how much by `read`: wait for them."""
        self._has_reader = True

    def read(self, count: int) -> None:
        """So many bytes more were read."""
        self._ahead -= count
        if self._ahead <= AHEAD:
            self._near.set()

    def end(self) -> None:
        """Nobody reads any more: wait for nobody."""
        self._has_reader = False
        self._near.set()

    def arrived(self, count: int) -> None:
        """So many bytes more have arrived."""
        self._ahead += count
        if self._ahead > AHEAD:
            self._near.clear()

    async def wait(self) -> None:
        """Wait until the reader is near, if there is one."""
        while self._has_reader and self._ahead > AHEAD:
            await self._near.wait()


class BodyPace:
    """Gives each request that may have a body its Pace, and keeps it until the answer begins.

    Who drips a body seems to have hung up, and is answered 408 if it has no answer by then.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        return self._keep_pace(scope, receive, send)

    async def _keep_pace(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        pace = Pace()
        known = cast(Scope, cast(dict[str, Any], scope) | {KEY: pace})
        arriving = _Arriving(receive)
        answered = False

        async def paced() -> ASGIReceiveEvent:
            await pace.wait()
            event = await arriving.next()
            if event["type"] == "http.request" and answered:
                event["body"] = b""
            elif event["type"] == "http.request":
                pace.arrived(len(event["body"]))
            return event

        async def answer(event: ASGISendEvent) -> None:
            nonlocal answered
            if event["type"] == "http.response.start":
                answered = True
                pace.end()
            await send(event)

        await self.app(known, paced, answer)
        if arriving.too_slow and not answered:
            await answers.refuse(scope, receive, send, *SLOW)


class _Arriving:
    """A body as it arrives, from a client that has so much time for it."""

    def __init__(self, receive: ASGIReceiveCallable) -> None:
        self._receive = receive
        self._left = PATIENCE
        self._whole = False
        self.too_slow = False

    async def next(self) -> ASGIReceiveEvent:
        """The next event; the client's leave, if it has not come in time."""
        if self._whole:
            return await self._receive()
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with asyncio.timeout(max(self._left, 0)):
                event = await self._receive()
        except TimeoutError:
            self.too_slow = True
            return HTTPDisconnectEvent(type="http.disconnect")
        self._left -= now() - began
        if event["type"] == "http.request":
            self._left += len(event["body"]) / BYTES_A_SECOND
            self._whole = not event["more_body"]
        return event
