"""One request on a connection and its answer, between hypercorn and the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Any

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseBodyEvent,
    Scope,
)

if TYPE_CHECKING:
    from quartapp.serve.connections import Connection

SHORT = 4 * 1024  # bytes that are sent without a wait


class Exchange:
    """One request on a connection, and its answer."""

    def __init__(self, connection: Connection, send: ASGISendCallable) -> None:
        self._connection = connection
        self._send = send
        self._is_answered = False

    async def run(self, app: ASGIFramework, scope: Scope, receive: ASGIReceiveCallable) -> None:
        """Let the application answer."""
        if scope["type"] == "http":
            receive = partial(self._connection.receive, receive)
        task: Any = asyncio.current_task()
        self._connection.begin(task)
        try:
            await app(scope, receive, self._answer)
        finally:
            self._note_answered()
            self._connection.end(task)

    def _answer(self, event: ASGISendEvent) -> Awaitable[None]:
        """Send an event, unless the client is gone.

        hypercorn would take the end of its answer for the begin of a pause between two requests.
        """
        if event["type"] != "http.response.body" or event.get("more_body", False):
            return self._send_if_there(event)
        return self._end(event)

    async def _end(self, event: HTTPResponseBodyEvent) -> None:
        if len(event.get("body", b"")) > SHORT:  # its client may go while this is sent
            await self._send_if_there({**event, "more_body": True})
            event = {**event, "body": b""}
        # Where the connection closes with the answer, this waits until it is closed.
        self._connection.hands_over(done=False)
        await self._send_if_there(event)
        self._connection.hands_over(done=True)
        self._note_answered()

    def _send_if_there(self, event: ASGISendEvent) -> Awaitable[None]:
        if self._connection.lost:
            return asyncio.sleep(0)  # what sends without an end is to hear of it
        return self._send(event)

    def _note_answered(self) -> None:
        if not self._is_answered:
            self._is_answered = True
            self._connection.answered()
