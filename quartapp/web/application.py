"""The application's class: Quart, with what a request need not cost taken out."""

from __future__ import annotations

from inspect import CO_COROUTINE
from typing import Any

from quartapp.web.connection import Connection
from quartapp.web.forms import LimitedRequest
from quartapp.web.static import StaticQuart


class Application(StaticQuart):
    """Quart as it is used here: everything is `async def` already."""

    asgi_http_class = Connection
    request_class = LimitedRequest

    def ensure_async(self, func: Any) -> Any:
        """The function itself if it is `async def`, else one that runs it in a thread.

        Asked a dozen times a request; `inspect` takes longer over it than some functions run.
        """
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return func
        return super().ensure_async(func)
