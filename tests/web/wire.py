"""Speak ASGI to an application, a chunk at a time, and hang up where the test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from quart import Quart


@dataclass
class Heard:
    """What the application answered; status 0 if it did not."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def speak(
    app: Quart,
    path: str,
    chunks: Iterable[bytes],
    *,
    content_type: str,
    length: int | None = None,
    hang_up: bool = False,
    method: str = "POST",
    host: bytes = b"localhost",
    sent: Iterable[tuple[str, str]] = (),
    query: bytes = b"",
) -> Heard:
    """POST chunks; with `hang_up` the client goes after the last, in mid-body.

    `sent` are further headers.
    """
    headers = [(b"host", host), (b"content-type", content_type.encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in sent]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "extensions": {},
    }
    left = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if hang_up:
        left.append({"type": "http.disconnect"})
    else:
        left.append({"type": "http.request", "body": b"", "more_body": False})
    heard = Heard()
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        if left:
            return left.pop(0)
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            heard.status = event["status"]
            heard.headers = {n.decode().lower(): v.decode() for n, v in event["headers"]}
        else:
            heard.body += event.get("body", b"")
            if not event.get("more_body"):
                answered.set()

    async with asyncio.timeout(20):
        await app(scope, receive, send)  # type: ignore[arg-type]
    return heard


def multipart(*parts: tuple[str, str | None, bytes], boundary: str = "line") -> tuple[str, bytes]:
    """A form of (field, file name or None, content): its content type and its body."""
    body = b""
    for name, filename, content in parts:
        disposition = f'form-data; name="{name}"'
        if filename is not None:
            disposition += f'; filename="{filename}"'
        body += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
        body += content + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def in_chunks(body: bytes, size: int = 50_000) -> list[bytes]:
    """A body in chunks."""
    return [body[start : start + size] for start in range(0, len(body), size)]
