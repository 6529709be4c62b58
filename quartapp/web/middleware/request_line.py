"""Requests whose target or Host is malformed are refused before anybody takes them apart."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
    WebsocketScope,
)

from quartapp.web.middleware import answers

# uri-host [ ":" port ], RFC 3986, 3.2.2; empty is allowed.
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(:[0-9]{0,5})?")
LONGEST_HOST, LONGEST_LABEL = 253, 63  # bytes, RFC 1035, 2.3.4


class RequestLine:
    """Answers 400 to a malformed target or Host (RFC 9112, 3.2); others get a path with a slash.

    A target may be a whole address (`GET http://host/path`), which frameworks expect to be able
    to parse.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        path = _path(scope["path"])
        if path is not None and _has_proper_host(scope):
            await self.app(scope | {"path": path}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1002, "reason": None})
        else:
            await answers.begin(send, 400, "The request's target or Host is malformed.")
            await answers.end(send)


def _path(target: str) -> str | None:
    """The path of a request's target; None if it has none that can be read."""
    if target.startswith("/") or target == "*":
        return target
    try:
        return urlsplit(target).path or "/"
    except ValueError:
        return None


def _has_proper_host(scope: HTTPScope | WebsocketScope) -> bool:
    hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
    return all(map(_is_proper, hosts))


def _is_proper(host: bytes) -> bool:
    found = HOST.fullmatch(host)
    if found is None or len(found[1]) > LONGEST_HOST:
        return False
    if not found[1] or found[1].startswith(b"["):
        return True
    labels = found[1].removesuffix(b".").split(b".")
    return all(1 <= len(label) <= LONGEST_LABEL for label in labels)
