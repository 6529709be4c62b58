"""The body of a request, which is taken in no faster than it is read."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from quart.wrappers.request import Body

from quartapp.web.middleware.body_pace import Pace

_IS_QUEUE = hasattr(Body, "put")  # from Quart 0.23 on


class PacedBody(Body):
    """A body that says to the middleware BodyPace how much of it was read."""

    pace = Pace()  # of nobody, where the middleware is not in use
    on_want: Callable[[], None] | None = None  # called when somebody wants the body

    def follow(self, pace: Pace) -> None:
        """Let no more arrive than is about to be read; who awaits the body wants it all at once."""
        self.pace = pace
        pace.begin()

    def __await__(self) -> Generator[Any, None, Any]:
        self._want()
        self.pace.end()
        return super().__await__()

    async def take(self, data: bytes, *, more: bool) -> None:
        """Add what has arrived; without `more` it is whole."""
        body: Any = self
        if _IS_QUEUE:
            await body.put(data)
        else:
            body.append(data)
        if not more:
            self.set_complete()

    def break_off(self) -> None:
        """The client is gone: nothing more arrives."""
        if _IS_QUEUE:
            body: Any = self
            body.disconnect()

    def _want(self) -> None:
        if self.on_want is not None:
            self.on_want()

    async def __anext__(self) -> bytes:
        self._want()
        chunk = await super().__anext__()
        self.pace.read(len(chunk))
        return chunk
