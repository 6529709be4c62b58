"""Sockets on which no more connections are accepted than may be open at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from quartapp.serve.connections import Connection, Connections, Factory

BREATH = 0.5  # seconds until the next attempt, where the system has no room for a connection
TURN = 0.001  # seconds after each connection in which other processes may take the next one


class Listener:
    """Accepts connections on a socket that listens, one at a time, and lets others have a turn.

    asyncio takes as many at once as may wait in the queue. The first of several processes would
    get a whole burst of them, and whoever is awake already is always the first.
    """

    def __init__(
        self, sock: socket.socket, connections: Connections, factory: Factory, tls: dict[str, Any]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._connections = connections
        self._factory = factory
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._pause: asyncio.Task[None] | asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Accept no more; connections that were accepted go on."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._sock)

    async def wait_closed(self) -> None:
        """Let go of the socket."""
        self._sock.close()

    def _accept(self) -> None:
        if self._connections.full:
            self._wait(self._connections.room())
            return
        try:
            accepted, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # another process was faster, or the client has left
        except OSError:
            self._wait(asyncio.sleep(BREATH))  # no descriptor is free, or no memory
            return
        accepted.setblocking(False)
        connection = self._connections.take(self._factory)
        task = self._loop.create_task(self._open(connection, accepted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._connections.others_turn:
            self._let_others()

    def _let_others(self) -> None:
        self._loop.remove_reader(self._sock)
        self._pause = self._loop.call_later(TURN, self._go_on)

    def _go_on(self) -> None:
        self._loop.add_reader(self._sock, self._accept)

    def _wait(self, until: Coroutine[Any, Any, None]) -> None:
        async def go_on() -> None:
            await until
            self._go_on()

        self._loop.remove_reader(self._sock)
        self._pause = self._loop.create_task(go_on())

    async def _open(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted, **self._tls)
        except OSError:  # its client has left, or does not come to terms on TLS
            self._connections.drop(connection)
