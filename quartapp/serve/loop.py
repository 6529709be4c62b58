"""The event loop of a serving process: uvloop's, or asyncio's where that is not installed."""

from __future__ import annotations

import asyncio
import gc
import socket
from ssl import SSLContext
from typing import TYPE_CHECKING

from quartapp.serve.connections import Connections, Factory
from quartapp.serve.listener import Listener

# Objects more than before until young ones are searched; young and middle searches until the next.
# So many as a thousand requests hold while they wait: fewer, and each search finds them at work.
SEARCHES = (100_000, 1, 1)

if TYPE_CHECKING:
    BaseLoop = asyncio.SelectorEventLoop
else:
    try:
        from uvloop import Loop as BaseLoop
    except ImportError:
        BaseLoop = asyncio.SelectorEventLoop


def look_for_garbage_seldom() -> None:
    """Leave what a start has made out of the search for garbage, and search after more requests.

    A search holds every request up: for 40 ms where it goes through all that was loaded. What a
    request leaves behind is counted, not searched for; what a thousand of them hold while they
    wait would be gone through again and again. What does need it are connections, of which
    hypercorn keeps 5 KiB each until then: hence a whole search for each few thousand of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SEARCHES)


class ServingLoop(BaseLoop):
    """An event loop whose servers accept no more connections than may be open at once."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    async def create_server(  # type: ignore[override]  # of its forms this one is in use
        self,
        protocol_factory: Factory,
        host: None = None,
        port: None = None,
        *,
        sock: socket.socket,
        backlog: int,
        ssl: SSLContext | None = None,
        ssl_handshake_timeout: float | None = None,
    ) -> Listener:
        """Serve on a socket that listens already, so that `backlog` has no effect."""
        tls = {"ssl": ssl, "ssl_handshake_timeout": ssl_handshake_timeout} if ssl else {}
        listener = Listener(sock, self._connections, protocol_factory, tls)
        self._connections.at_last_call(listener.close)
        return listener
