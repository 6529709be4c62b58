"""A name for each request, which its answer carries, and its lines in the log."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable
from typing import Any

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)

from quartapp.telemetry import event as telemetry
from quartapp.web.middleware.trusted_proxies import KEY as PROXIED
from quartapp.web.request_id import KEY

ID_BYTES = 10
GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class RequestId:
    """Names each request as its trusted proxy does, else at random; the answer tells X-Request-ID.

    A name from anybody else is not taken: it would be found in the lines of others.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        known: Any = scope
        name = (known.get(PROXIED) and _given(known)) or secrets.token_hex(ID_BYTES)

        def named(event: ASGISendEvent) -> Awaitable[None]:
            if event["type"] in {"http.response.start", "websocket.http.response.start"}:
                event["headers"] = [*event["headers"], (b"x-request-id", name.encode())]
            return send(event)

        before = telemetry.request_id.set(name)
        try:
            await self.app(known | {KEY: name}, receive, named)
        finally:
            telemetry.request_id.reset(before)


def _given(scope: dict[str, Any]) -> str:
    """The name that the header has; "" if it has none, several, or an odd one."""
    given = [value for name, value in scope["headers"] if name.lower() == b"x-request-id"]
    return given[0].decode() if len(given) == 1 and GIVEN.fullmatch(given[0]) else ""
