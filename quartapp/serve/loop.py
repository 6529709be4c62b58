"""The event loop of a serving process."""

from __future__ import annotations

import asyncio
import socket
from ssl import SSLContext

from quartapp.serve.connections import Connections, Factory
from quartapp.serve.listener import Listener


class ServingLoop(asyncio.SelectorEventLoop):
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
