"""The event loop of a serving process: uvloop's, or asyncio's where that is not installed."""

from __future__ import annotations

import asyncio
import socket
from ssl import SSLContext
from typing import TYPE_CHECKING

from quartapp.serve.connections import Connections, Factory
from quartapp.serve.listener import Listener

if TYPE_CHECKING:
    BaseLoop = asyncio.SelectorEventLoop
else:
    try:
        from uvloop import Loop as BaseLoop
    except ImportError:
        BaseLoop = asyncio.SelectorEventLoop


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
