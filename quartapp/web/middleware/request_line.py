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
)

from quartapp.web.middleware import answers

# uri-host [ ":" port ], RFC 3986, 3.2.2; empty is allowed.
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]*)(:[0-9]{0,5})?")


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
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = _path(scope["path"])
        if path is None or not _has_proper_host(scope):
            await answers.begin(send, 400, "The request's target or Host is malformed.")
            await answers.end(send)
            return
        await self.app(scope | {"path": path}, receive, send)


def _path(target: str) -> str | None:
    """The path of a request's target; None if it has none that can be read."""
    if target.startswith("/") or target == "*":
        return target
    try:
        return urlsplit(target).path or "/"
    except ValueError:
        return None


def _has_proper_host(scope: HTTPScope) -> bool:
    hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
    return all(HOST.fullmatch(host) for host in hosts)
