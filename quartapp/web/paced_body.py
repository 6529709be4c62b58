"""The body of a request, which is taken in no faster than it is read."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from quart.wrappers.request import Body

from quartapp.web.middleware.body_pace import Pace


class PacedBody(Body):
    """A body that says to the middleware BodyPace how much of it was read."""

    pace = Pace()  # of nobody, where the middleware is not in use

    def follow(self, pace: Pace) -> None:
        """Let no more arrive than is about to be read; who awaits the body wants it all at once."""
        self.pace = pace
        pace.begin()

    def __await__(self) -> Generator[Any, None, Any]:
        self.pace.end()
        return super().__await__()

    async def __anext__(self) -> bytes:
        chunk = await super().__anext__()
        self.pace.read(len(chunk))
        return chunk
