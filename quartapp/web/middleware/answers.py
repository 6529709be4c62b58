"""Short JSON answers from middleware, before or instead of the framework's."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, cast

from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPResponseStartEvent,
    HTTPScope,
)

from quartapp.web.middleware import bodies
from quartapp.web.request_id import KEY

API = "/api/"  # below it programs ask, which are answered by problem+json (RFC 9457)
TOO_SLOW = 408  # the status for whoever is not heard out, because that would take for ever

HEARD_BYTES = 2**20  # on a connection of its own
HEARD_SECONDS = 1.0

Header = tuple[bytes, bytes]


async def refuse(
    scope: HTTPScope,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
    status: int,
    code: str,
    message: str,
    *headers: Header,
) -> None:
    """Answer `{"message": …}`, and to programs a problem; the connection closes.

    A body is not taken; its client may go on for a moment, so that it reads the answer.
    """
    body, media_type = _told(scope, status, code, message)
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", media_type),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            *headers,
            *_close(scope),
        ],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if bodies.may_follow(scope) and status != TOO_SLOW:
        await bodies.hear_out(receive, *_most(scope))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _most(scope: HTTPScope) -> tuple[int, float]:
    if bodies.is_one_of_many(scope):
        return bodies.DRAIN_BYTES, bodies.DRAIN_SECONDS
    return HEARD_BYTES, HEARD_SECONDS


def _told(scope: HTTPScope, status: int, code: str, message: str) -> tuple[bytes, bytes]:
    known = cast(dict[str, Any], scope)
    if not known["path"].startswith(API):
        return json.dumps({"message": message}).encode(), b"application/json"
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "code": code,
    }
    if KEY in known:
        problem["request_id"] = known[KEY]
    return json.dumps(problem).encode(), b"application/problem+json"


def _close(scope: HTTPScope) -> list[Header]:
    """HTTP/2 has no such header: there a connection is no request's own."""
    return [] if bodies.is_one_of_many(scope) else [(b"connection", b"close")]
