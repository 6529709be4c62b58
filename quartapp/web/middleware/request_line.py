"""Requests whose head is malformed or too large are refused before anybody takes it apart."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from functools import lru_cache
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

# Room for every address, cookie and token of ours; a head costs each who looks at it. RFC 9112, 3
# asks for targets of 8000 bytes at least.
LONGEST_TARGET = 8192  # bytes, with the query
LARGEST_HEADERS = 16384  # bytes, all names and values together
MOST_HEADERS = 100

MALFORMED = (400, "bad-request", "The request's target or Host is malformed.")
TOO_LONG = (414, "request-uri-too-long", f"The address has more than {LONGEST_TARGET} bytes.")
TOO_LARGE = (
    431,
    "request-header-fields-too-large",
    f"There are more than {MOST_HEADERS} header fields or {LARGEST_HEADERS} bytes of them.",
)


class RequestLine:
    """Answers 400 to a malformed target or Host (RFC 9112, 3.2); others get a path with a slash.

    A target that is too long gets 414, headers that are too large or many 431 (RFC 6585, 5).

    A target may be a whole address (`GET http://host/path`), which frameworks expect to be able
    to parse.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        refused = _refusal(scope)
        path = _path(scope["path"])
        if refused is None and path is not None:
            if path != scope["path"]:
                scope = scope | {"path": path}
            return self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return send({"type": "websocket.close", "code": 1002, "reason": None})
        return answers.refuse(scope, receive, send, *(refused or MALFORMED))


def _refusal(scope: HTTPScope | WebsocketScope) -> tuple[int, str, str] | None:
    """Why a head is refused: status, code, message."""
    target = scope.get("raw_path") or scope["path"]  # a server may leave out what it likes
    if len(target) + len(scope.get("query_string", b"")) >= LONGEST_TARGET:
        return TOO_LONG
    headers = list(scope["headers"])
    size, has_proper_host = 0, True
    for name, value in headers:
        size += len(name) + len(value)
        if name.lower() == b"host" and not is_proper_host(value):
            has_proper_host = False
    if len(headers) > MOST_HEADERS or size > LARGEST_HEADERS:
        return TOO_LARGE
    return None if has_proper_host else MALFORMED


def _path(target: str) -> str | None:
    """The path of a request's target; None if it has none that can be read."""
    if target.startswith("/") or target == "*":
        return target
    try:
        return urlsplit(target).path or "/"
    except ValueError:
        return None


@lru_cache(maxsize=256)
def is_proper_host(host: bytes) -> bool:
    """Whether a value of the header Host is one, or empty."""
    found = HOST.fullmatch(host)
    if found is None or len(found[1]) > LONGEST_HOST:
        return False
    if not found[1] or found[1].startswith(b"["):
        return True
    labels = found[1].removesuffix(b".").split(b".")
    return all(1 <= len(label) <= LONGEST_LABEL for label in labels)
