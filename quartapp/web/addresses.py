"""Whom an address is for: programs, readers of the lessons, or people."""

from __future__ import annotations

from urllib.parse import quote

from quart import request
from quart.globals import request_ctx


def here() -> str:
    """The address of the page at hand as its client sees it, without scheme and host."""
    # Two slashes at the beginning would make a host of what follows.
    path = "/" + f"{request.root_path}{request.path}".lstrip("/")
    query = request.query_string.decode("ascii", "replace")
    return quote(path, safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else "")


def in_the_api() -> bool:
    """Whether the request is for the API, which answers programs."""
    return request.path.startswith("/api/") and not _is_page_about_api()


def in_a_lesson() -> bool:
    """Whether the request is for one of the lessons' own addresses, which answer as on Flask."""
    asked = request_ctx.request  # each look through a proxy costs
    return (
        asked.path.startswith("/lessons/")
        and "lessons" in request_ctx.app.blueprints
        and asked.blueprint != "lessons"
    )


def _is_page_about_api() -> bool:
    return request.path == "/api/docs"
