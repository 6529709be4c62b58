"""What the head of a request tells of its body, and how one is taken that nobody wants."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypercorn.typing import ASGIReceiveCallable, HTTPScope

NO_BODY = {"GET", "HEAD"}  # methods whose requests have none, unless they say so


def has_none(scope: HTTPScope) -> bool:
    """Whether a request is sure to have none."""
    return scope["method"] in NO_BODY and not may_follow(scope)


def may_follow(scope: HTTPScope) -> bool:
    """Whether the head says that there is one; on HTTP/2 one may come unannounced."""
    if scope["http_version"] >= "2":
        return True
    for name, value in scope["headers"]:  # names are in lower case, by ASGI
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


def declared(scope: HTTPScope) -> int:
    """The length as Content-Length has it, in bytes; 0 where it says nothing."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def hear_out(receive: ASGIReceiveCallable, most: int, seconds: float) -> None:
    """Take in what is left of a body, up to so many bytes and seconds, and forget it.

    A connection that is closed on a client in mid-sentence is reset, and the answer lost with it.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while most > 0:
                event = await receive()
                if event["type"] != "http.request" or not event["more_body"]:
                    return
                most -= len(event["body"])
