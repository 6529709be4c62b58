"""Which requests go through those who look after bodies."""

from __future__ import annotations

from collections.abc import Awaitable

from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

from quartapp.web.middleware import bodies


class WithBody:
    """Hands a request that may have a body to `app`, and everything else on to `others`."""

    def __init__(self, app: ASGIFramework, others: ASGIFramework) -> None:
        self.app = app
        self.others = others

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        has_body = scope["type"] == "http" and not bodies.has_none(scope)
        return (self.app if has_body else self.others)(scope, receive, send)
