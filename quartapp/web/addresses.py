"""Whom an address is for: programs, readers of the lessons, or people."""

from __future__ import annotations

from typing import Any, cast
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
    # Looked up once: each time takes as long as all the rest, and this is asked for every answer.
    asked: Request = cast(Any, request)._get_current_object()
    if not asked.path.startswith("/lessons/") or asked.blueprint == "lessons":
        return False
    return asked.blueprint is not None or "lessons" in current_app.blueprints


def _is_page_about_api() -> bool:
    return request.path == "/api/docs"
