"""A name for each request, which its answer carries."""

from __future__ import annotations

import secrets
from typing import Any, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)

from quartapp.web.request_id import KEY

ID_BYTES = 10


class RequestId:
    """Names each request at random; the answer has the name in X-Request-ID."""

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        name = secrets.token_hex(ID_BYTES)

        async def named(event: ASGISendEvent) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event["headers"], (b"x-request-id", name.encode())]
            await send(event)

        await self.app(cast(Scope, cast(dict[str, Any], scope) | {KEY: name}), receive, named)
