"""Bodies are taken in no faster than they are read, where the reader says how far it is.

The framework keeps in memory all that its view has not read yet, which for an upload over a fast
line is most of it. What comes after an answer has begun is forgotten.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)

KEY = "quartapp.pace"  # in the scope of a request
AHEAD = 2**20  # bytes that may have arrived and not be read


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
    """Gives each request its Pace, and keeps it until the answer begins."""

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        pace = Pace()
        known = cast(Scope, cast(dict[str, Any], scope) | {KEY: pace})
        answered = False

        async def paced() -> ASGIReceiveEvent:
            await pace.wait()
            event = await receive()
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
