"""What a server writes to a connection, gathered until its event loop takes its next turn.

hypercorn writes the head of an answer and then its body, and uvloop sends each at once: two
packets, and two calls of the system, where one will do.
"""

from __future__ import annotations

import asyncio
from typing import Any

ENOUGH = 4 * 1024  # bytes that are sent without waiting for more


class Outbox:
    """A transport that hands small pieces on together; all but what is written passes by it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._held = b""
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send this after all that was written before, now or in the next turn of the loop."""
        if self.is_closing():
            self._transport.write(data)  # which complains of it
        elif self._held:
            self._held += data
        elif data:
            self._held = data
            self._call_soon(self.flush)
        if len(self._held) > ENOUGH:
            self.flush()

    def write_eof(self) -> None:
        """Say that this was all."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Close it when all is sent."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send what is held now."""
        data, self._held = self._held, b""
        if data and not self.is_closing():
            self._transport.write(data)
