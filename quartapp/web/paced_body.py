"""The body of a request, which is taken in no faster than it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from quart.wrappers.request import Body

from quartapp.web.middleware.body_pace import Pace

_IS_QUEUE = hasattr(Body, "put")  # from Quart 0.23 on


class PacedBody(Body):
    """A body that lets arrive what its reader wants, and says how much of it was read."""

    pace = Pace()  # of the middleware BodyPace; of nobody, where that is not in use
    # Takes in the next part for who reads; None where it comes by itself.
    arrive: Callable[[], Coroutine[Any, Any, None]] | None = None
    is_whole = False
    _has_more = False  # than was read

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        most = math.inf if max_content_length is None else max_content_length
        self._is_refused = (expected_content_length or 0) > most

    def follow(self, pace: Pace) -> None:
        """Let no more arrive than is about to be read; who awaits the body wants it all at once."""
        self.pace = pace
        pace.begin()

    def __await__(self) -> Generator[Any, None, Any]:
        self.pace.end()
        while not (self.is_whole or self._is_refused or self.arrive is None):
            yield from self.arrive().__await__()
        return (yield from super().__await__())

    async def __anext__(self) -> bytes:
        while not (self._has_more or self.is_whole or self._is_refused or self.arrive is None):
            await self.arrive()
        self._has_more = False
        chunk = await super().__anext__()
        self.pace.read(len(chunk))
        return chunk

    async def take(self, data: bytes, *, more: bool) -> None:
        """Add what has arrived; without `more` it is whole."""
        if data:
            body: Any = self
            if _IS_QUEUE:
                await body.put(data)
            else:
                body.append(data)
            self._has_more = True
        if not more:
            self.set_complete()

    def set_complete(self) -> None:
        """Nothing more arrives."""
        self.is_whole = True
        super().set_complete()

    def break_off(self) -> None:
        """The client is gone: nothing more arrives."""
        self.arrive = None
        if _IS_QUEUE:
            body: Any = self
            body.disconnect()
