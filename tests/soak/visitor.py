"""A client that keeps its connection and its cookies, and notices when an answer is cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from tests.serve.processes import PATIENCE

HOST = "127.0.0.1"


class Lost(Exception):
    """There was no whole answer. `cut` if a part of one came."""

    def __init__(self, why: str, *, cut: bool) -> None:
        super().__init__(why)
        self.cut = cut


@dataclass(frozen=True)
class Answer:
    """A whole answer; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """What its body says."""
        return json.loads(self.body)


class Visitor:
    """Asks one thing after the other; with `keep` on one connection for as long as it lasts."""

    def __init__(self, port: int, *, keep: bool = True) -> None:
        self.local_port = 0  # of the connection that was used last
        self._port = port
        self._keep = keep
        self._cookies: dict[str, str] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()

    async def get(self, path: str, **headers: str) -> Answer:
        """Read a page. Raises Lost."""
        return await self.ask("GET", path, headers=headers)

    async def send_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form. Raises Lost."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.ask("POST", path, urlencode(fields).encode(), headers=kind)

    async def send_json(
        self, path: str, value: Any, *, method: str = "POST", **headers: str
    ) -> Answer:
        """Send JSON. Raises Lost."""
        kind = {"content-type": "application/json"}
        return await self.ask(method, path, json.dumps(value).encode(), headers=kind | headers)

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request; its answer. Raises Lost."""
        began = False
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await self._connected()
                writer.write(self.spell(method, path, body, headers or {}))
                await writer.drain()
                first = await reader.readexactly(1)
                began = True
                answer = await _read(reader, first)
        except (OSError, EOFError, TimeoutError) as error:
            self.hang_up()
            raise Lost(repr(error), cut=began) from None
        if not self._keep or answer.headers.get("connection") == "close":
            self.hang_up()
        self._remember(answer)
        return answer

    def spell(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The bytes of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self._cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self._cookies.items()))
        if body or method in {"POST", "PATCH"}:
            lines.append(f"Content-Length: {len(body)}")
        if not self._keep:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def hang_up(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
            self.local_port = self._streams[1].get_extra_info("sockname")[1]
        return self._streams

    def _remember(self, answer: Answer) -> None:
        for cookie in answer.headers.get("set-cookie", "").split("\n"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name and value:
                self._cookies[name] = value
            else:
                self._cookies.pop(name, None)


async def _read(reader: asyncio.StreamReader, first: bytes) -> Answer:
    head = first + await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for name, _, value in (each.partition(": ") for each in rest if each):
        key = name.lower()
        headers[key] = f"{headers[key]}\n{value}" if key in headers else value
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        body = await _chunks(reader)
    else:
        body = b""
    return Answer(int(line.split(" ", 2)[1]), headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    whole = b""
    while size := int(await reader.readline() or b"", 16):
        whole += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return whole
