"""Clients that ask a server without a rest, and remember which answers came whole."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from tests.serve.processes import PATIENCE, Server

CLIENTS = 8  # half of them keep their connection, half open one for each request
PAUSE = 0.01  # seconds of each client between two requests


@dataclass(frozen=True)
class Answer:
    """A whole answer: by which process, when it arrived, and the seconds that it took."""

    pid: int
    at: float
    took: float


@dataclass
class Load:
    """Requests to `/slowly/NAME` of tests.serve.slow, each with a name of its own."""

    port: int
    whole: dict[str, Answer] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = count(1)
        self._ending = threading.Event()

    @contextmanager
    def running(self) -> Iterator[Load]:
        """Ask while the block runs; at its end every request has come to its own."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            thread.join(PATIENCE)
        assert not thread.is_alive()

    def pids(self, since: float = 0.0) -> set[int]:
        """The processes that answered since a moment."""
        return {answer.pid for answer in list(self.whole.values()) if answer.at >= since}

    async def _run(self) -> None:
        await asyncio.gather(*(self._client(keep=bool(i % 2)) for i in range(CLIENTS)))

    async def _client(self, *, keep: bool) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._ending.is_set():
            name = str(next(self._names))
            began = time.monotonic()
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                pid, closes = await asyncio.wait_for(_ask(*connection, name), PATIENCE)
                now = time.monotonic()
                self.whole[name] = Answer(pid, now, now - began)
            except (OSError, EOFError, TimeoutError) as error:
                self.failed[name] = repr(error)
                closes = True
            if connection and (closes or not keep):
                connection[1].close()
                connection = None
            await asyncio.sleep(PAUSE)
        if connection:
            connection[1].close()


def begun(server: Server) -> dict[str, int]:
    """The requests that came to their view, and in which process."""
    lines = re.findall(r"^work (\d+) (\d+)$", "".join(server.out), re.MULTILINE)
    return {name: int(pid) for name, pid in lines}


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str
) -> tuple[int, bool]:
    """Ask once: the process that answered, and whether it closes the connection."""
    writer.write(f"GET /slowly/{name} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = re.search(rb"\ncontent-length: (\d+)", head)
    body = await reader.readexactly(int(length[1]) if length else 0)
    if not head.startswith(b"http/1.1 200"):
        raise EOFError(head.decode())
    told, pid, _ = body.decode().split(" ", 2)
    assert (told, len(body)) == (name, 20_000)
    return int(pid), b"\nconnection: close" in head
