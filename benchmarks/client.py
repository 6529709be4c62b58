"""A small load generator: it keeps connections, counts statuses, takes the time of each answer.

It is for what takes its time (logins, storms, uploads); for plain throughput there is wrk.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Self
from urllib.parse import urlencode

HOST = "127.0.0.1"
PATIENCE = 120.0  # seconds until an answer is given up
BACKLOG = 200  # connections opened at once
BLOCK = 2**18  # bytes of an upload sent at once
PAUSE = 1.0  # seconds that one who was told 503 stays away
TRIES = 3  # to open a connection

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass
class Sample:
    """What some requests came to. `good` holds when each 200 came, from the first's begin."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    good: list[float] = field(default_factory=list)
    lost: int = 0
    elapsed: float = 0.0

    def percentile(self, share: float) -> float:
        """The time that this share of the answers took at most, in milliseconds."""
        if not self.seconds:
            return math.nan
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, math.floor(share * len(ordered)))] * 1000

    def rate(self, *, begin: float, end: float) -> float:
        """Good answers in a second, of those that came between two moments."""
        return sum(begin <= moment < end for moment in self.good) / (end - begin)


class Connection:
    """One connection to a server, kept between requests for as long as the server keeps it."""

    def __init__(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._port = port
        self._reader = reader
        self._writer = writer
        self._over = False  # the server has said that it closes it

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect."""
        return cls(port, *await _connect(port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; its status and body. Raises OSError or EOFError if there is none."""
        if self._over:
            self.close()
            self._reader, self._writer = await _connect(self._port)
        self._writer.write(request)
        await self._writer.drain()
        head = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = head.lower().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines if line)
        self._over = headers.get(b"connection") == b"close"
        return int(first.split(b" ", 2)[1]), await self._body(headers)

    async def _body(self, headers: Mapping[bytes, bytes]) -> bytes:
        if b"content-length" in headers:
            return await self._reader.readexactly(int(headers[b"content-length"]))
        if b"transfer-encoding" in headers:
            return b"".join([chunk async for chunk in self._chunks()])
        return b""

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readline(), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def request(
    method: str, path: str, body: bytes = b"", *, media: str = JSON, token: str = ""
) -> bytes:
    """Spell a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Accept: */*"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body or method == "POST":
        lines += [f"Content-Type: {media}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def form(path: str, **fields: str) -> bytes:
    """Spell the sending of a form."""
    return request("POST", path, urlencode(fields).encode(), media=FORM)


def posted(path: str, value: Any, *, token: str = "") -> bytes:
    """Spell the sending of JSON."""
    return request("POST", path, json.dumps(value).encode(), token=token)


async def once(port: int, asked: bytes) -> Any:
    """The JSON that a request is answered with. Raises RuntimeError for another status than 2xx."""
    async with _connections(port, 1) as (connection,):
        status, body = await connection.ask(asked)
    if not 200 <= status < 300:
        raise RuntimeError(f"{asked.splitlines()[0]!r} was answered {status}: {body[:500]!r}")
    return json.loads(body)


async def closed_loop(port: int, asked: bytes, *, clients: int, seconds: float) -> Sample:
    """Let each client ask again as soon as it is answered; what was begun is heard out.

    One who is told 503 comes back a second later.
    """
    sample = Sample()
    async with _connections(port, clients) as opened:
        begin = perf_counter()

        async def ask_on(connection: Connection) -> None:
            while perf_counter() - begin < seconds:
                status = await _timed(connection, asked, sample, begin)
                if not status:
                    return
                if status == 503:
                    await asyncio.sleep(PAUSE)

        await asyncio.gather(*(ask_on(connection) for connection in opened))
        sample.elapsed = perf_counter() - begin
    return sample


async def burst(port: int, asked: bytes, *, clients: int) -> Sample:
    """Let each client ask once, all at the same moment."""
    sample = Sample()
    async with _connections(port, clients) as opened:
        begin = perf_counter()
        await asyncio.gather(*(_timed(connection, asked, sample, begin) for connection in opened))
        sample.elapsed = perf_counter() - begin
    return sample


async def paced(
    port: int, asked: bytes, *, clients: int, pause: float, stop: asyncio.Event
) -> Sample:
    """Let a few clients ask now and then, once at least, until told to stop: how others fare."""
    sample = Sample()
    begin = perf_counter()
    async with _connections(port, clients) as opened:

        async def ask_on(connection: Connection) -> None:
            while await _timed(connection, asked, sample, begin):
                if stop.is_set():
                    return
                await asyncio.sleep(pause)

        await asyncio.gather(*(ask_on(connection) for connection in opened))
    sample.elapsed = perf_counter() - begin
    return sample


def upload(port: int, path: str, size: int) -> float:
    """Send a file of so many bytes as a browser would; the seconds until the answer.

    Raises RuntimeError if it is not taken.
    """
    boundary = "the-benchmark-s-boundary"
    begin = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    end = f"\r\n--{boundary}--\r\n".encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\n"
        f"Content-Length: {len(begin) + size + len(end)}\r\n\r\n"
    ).encode()
    started = perf_counter()
    with socket.create_connection((HOST, port), timeout=PATIENCE) as sock:
        for part in (head, begin, *_blocks(size), end):
            sock.sendall(part)
        answer = b""
        while b"\r\n" not in answer and (more := sock.recv(65536)):
            answer += more
    if b" 200 " not in answer.split(b"\r\n")[0]:
        raise RuntimeError(f"the upload was answered {answer[:500]!r}")
    return perf_counter() - started


def _blocks(size: int) -> Iterator[bytes]:
    block = bytes(range(256)) * (BLOCK // 256)
    for start in range(0, size, BLOCK):
        yield block[: min(BLOCK, size - start)]


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for attempt in range(TRIES):
        try:
            return await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.1 * (attempt + 1))
    return await asyncio.open_connection(HOST, port)


async def _timed(connection: Connection, asked: bytes, sample: Sample, begin: float) -> int:
    """Ask once and note what came of it; the status, 0 if the connection is of no more use."""
    started = perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            status, _ = await connection.ask(asked)
    except (OSError, EOFError, TimeoutError):
        sample.lost += 1
        return 0
    now = perf_counter()
    sample.statuses[status] += 1
    sample.seconds.append(now - started)
    if status == 200:
        sample.good.append(now - begin)
    return status


@asynccontextmanager
async def _connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """So many open connections; a server that has a short queue is not overrun."""
    opened: list[Connection] = []
    try:
        for start in range(0, count, BACKLOG):
            some = range(start, min(count, start + BACKLOG))
            opened += await asyncio.gather(*(Connection.open(port) for _ in some))
        yield opened
    finally:
        for connection in opened:
            connection.close()
