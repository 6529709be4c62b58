"""`/metrics`: answered before the framework, and only to those who may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from ipaddress import IPv4Network, IPv6Network, ip_address

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

from quartapp.telemetry import metrics
from quartapp.web.middleware import bodies

PATH = "/metrics"

# A proxy on this machine has an address that is allowed, and asks for anybody in the world.
FORWARDED = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}


class Metrics:
    """Tells the metrics to clients in `allow`, and hands on everything else.

    To anybody else, and to whoever comes through a proxy, there is no such page.
    """

    def __init__(self, app: ASGIFramework, allow: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self.app = app
        self._allow = allow
        self._turn = asyncio.Lock()  # who asks more often than that is only slower

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"] == PATH and self._allowed(scope):
            return self._tell(scope, receive, send)
        return self.app(scope, receive, send)

    def _allowed(self, scope: HTTPScope) -> bool:
        if scope["method"] not in {"GET", "HEAD"}:
            return False
        if any(name.lower() in FORWARDED for name, _ in scope["headers"]):
            return False
        try:
            address = ip_address((scope.get("client") or ("",))[0])
        except ValueError:  # nobody has one on a Unix socket
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._allow)

    async def _tell(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        async with self._turn:
            body = await asyncio.to_thread(metrics.render)
        headers = [
            (b"content-type", metrics.CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await bodies.say(scope, receive, send, b"" if scope["method"] == "HEAD" else body)
