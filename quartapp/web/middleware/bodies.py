"""What the head of a request tells of its body, and how one is taken that nobody wants."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope

NO_BODY = {"GET", "HEAD"}  # methods whose requests have none, unless they say so

DRAIN_BYTES = 64 * 2**20  # what a refused client may still send before it is cut off
DRAIN_SECONDS = 5.0


def has_none(scope: HTTPScope) -> bool:
    """Whether a request is sure to have none."""
    return scope["method"] in NO_BODY and not may_follow(scope)


def may_follow(scope: HTTPScope) -> bool:
    """Whether the head says that there is one; on HTTP/2 one may come unannounced."""
    if is_one_of_many(scope):
        return True
    for name, value in scope["headers"]:  # names are in lower case, by ASGI
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


def is_one_of_many(scope: HTTPScope) -> bool:
    """Whether others are at work on its connection, which ends if a body comes too late."""
    return scope["http_version"] >= "2"


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


async def say(
    scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable, body: bytes
) -> None:
    """Send the whole body of an answer to a request whose own body nobody has read."""
    if is_one_of_many(scope):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await hear_out(receive, DRAIN_BYTES, DRAIN_SECONDS)
        body = b""
    await send({"type": "http.response.body", "body": body, "more_body": False})
