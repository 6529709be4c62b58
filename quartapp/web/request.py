"""The request's class: what most requests do not have is not looked for again and again."""

from __future__ import annotations

from functools import cache
from typing import Any

from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.utils import cached_property

from quartapp.web.forms import LimitedRequest

_NO_COOKIES: ImmutableMultiDict[str, str] = ImmutableMultiDict()


class LeanRequest(LimitedRequest):
    """A request that looks once, in the server's own list, whether there is a body or a cookie."""

    @property
    def content_length(self) -> int | None:
        """The length of the body as its client tells it; None if it does not."""
        names = self._header_names
        if b"content-length" in names or b"transfer-encoding" in names:
            return super().content_length
        return None

    @property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The cookies that the client sent."""
        return super().cookies if b"cookie" in self._header_names else _NO_COOKIES

    @property
    def blueprint(self) -> str | None:
        """The name of the blueprint of the route that was taken."""
        names = self.blueprints
        return names[0] if names else None

    @property
    def blueprints(self) -> list[str]:
        """The same, and the names of the blueprints around it, outwards."""
        rule = self.url_rule
        return list(_blueprints(rule.endpoint)) if rule is not None else []

    @cached_property  # werkzeug's takes no lock, which that of Python 3.11 does
    def _header_names(self) -> set[bytes]:
        scope: Any = self.scope
        return {name for name, _ in scope["headers"]}  # in lower case, by ASGI


@cache  # as many as there are endpoints
def _blueprints(endpoint: str) -> tuple[str, ...]:
    parts = endpoint.split(".")[:-1]
    return tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))
