"""Whom an address is for: programs, readers of the lessons, or people."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from quart import Request, current_app, request


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
    return is_for_a_lesson(asked())


def is_for_a_lesson(request: Request) -> bool:
    """The same of a request that is no proxy."""
    if not request.path.startswith("/lessons/") or request.blueprint == "lessons":
        return False
    return request.blueprint is not None or "lessons" in current_app.blueprints


def asked() -> Request:
    """The request at hand and not its proxy, each look through which costs as much as all here."""
    proxy: Any = request
    itself: Request = proxy._get_current_object()
    return itself


def _is_page_about_api() -> bool:
    return request.path == "/api/docs"
