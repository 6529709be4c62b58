"""The application's class: Quart, with what a request need not cost taken out."""

from __future__ import annotations

from inspect import CO_COROUTINE
from typing import Any

from quart.signals import appcontext_tearing_down, request_tearing_down
from quart.wrappers import BaseRequestWebsocket
from werkzeug.routing import MapAdapter, Rule

from quartapp.web.connection import Connection
from quartapp.web.request import LeanRequest
from quartapp.web.response import LeanResponse
from quartapp.web.static import StaticQuart

MOST_HOSTS = 256

Plain = dict[tuple[str, str], Rule]  # by method and path


class Routes(MapAdapter):
    """The routes as a request sees them; one without variables is found again at once."""

    def __init__(self, bound: MapAdapter, plain: Plain, request: BaseRequestWebsocket) -> None:
        self.map = bound.map
        self.server_name = bound.server_name
        self.script_name = bound.script_name
        self.subdomain = bound.subdomain
        self.url_scheme = bound.url_scheme
        self.websocket = bound.websocket
        self.path_info = request.path
        self.default_method = request.method
        self.query_args = request.query_string.decode()
        self._plain = plain

    def match(self, *args: Any, **given: Any) -> Any:
        """The rule of a request, and the values of its variables."""
        if args or given != {"return_rule": True}:
            return super().match(*args, **given)
        key = (self.default_method, self.path_info)
        rule = self._plain.get(key)
        if rule is not None:
            return rule, {}
        rule, values = super().match(return_rule=True)
        # Asked for as it was declared: of these there are as many as routes and their methods.
        is_plain = not values and self.path_info == rule.rule
        if is_plain and self.default_method in (rule.methods or ()):
            self._plain[key] = rule
        return rule, values


class Application(StaticQuart):
    """Quart as it is used here: everything is `async def` already."""

    asgi_http_class = Connection
    request_class = LeanRequest
    response_class = LeanResponse

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self._bound: dict[tuple[str | None, ...], tuple[MapAdapter, Plain]] = {}

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """The routes as a request sees them, by its host.

        What follows from the host alone is remembered, for the hosts that were asked for first.
        """
        if request is None or (host := request.headers.get("Host")) is None:
            return super().create_url_adapter(request)
        key = (request.scheme, host, request.root_path, self.config["SERVER_NAME"])
        bound = self._bound.get(key)
        if bound is None:
            made = super().create_url_adapter(request)
            if made is None or len(self._bound) >= MOST_HOSTS:
                return made
            bound = self._bound[key] = (made, {})
        return Routes(*bound, request)

    async def do_teardown_request(self, *args: Any, **given: Any) -> None:
        """Call who wants to know that a request is over, if anybody does."""
        if any(self.teardown_request_funcs.values()) or request_tearing_down.receivers:
            await super().do_teardown_request(*args, **given)

    async def do_teardown_appcontext(self, *args: Any, **given: Any) -> None:
        """Call who wants to know that a context is over, if anybody does."""
        if self.teardown_appcontext_funcs or appcontext_tearing_down.receivers:
            await super().do_teardown_appcontext(*args, **given)

    def ensure_async(self, func: Any) -> Any:
        """The function itself if it is `async def`, else one that runs it in a thread.

        Asked a dozen times a request; `inspect` takes longer over it than some functions run.
        """
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & CO_COROUTINE:
            return func
        return super().ensure_async(func)
