"""Short JSON answers from middleware, before or instead of the framework's."""

from __future__ import annotations

import json

from hypercorn.typing import ASGISendCallable, HTTPResponseBodyEvent, HTTPResponseStartEvent


async def begin(send: ASGISendCallable, status: int, message: str) -> None:
    """Send an answer with the JSON `{"message": …}`, all but its end; the connection closes."""
    body = json.dumps({"message": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": status,
        "headers": headers,
    }
    await send(start)
    await send(_body(body, more=True))


async def end(send: ASGISendCallable) -> None:
    """Say that the answer is whole."""
    await send(_body(b"", more=False))


def _body(data: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": data, "more_body": more}
