"""What all pages have in common, and the page that says what went wrong."""

from __future__ import annotations

from typing import Any

from quart import current_app, has_request_context, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from quartapp import __version__


async def common() -> dict[str, Any]:
    """What the layouts of all pages use: the lessons' own do without where there is no site."""
    return {
        "stylesheet": url_for("static", filename="quartapp.css"),
        "icon": url_for("static", filename="icon.svg"),
        "with_lessons": "lessons" in current_app.blueprints,
        "version": __version__,
    }


async def error_page(error: HTTPException) -> tuple[str, int, dict[str, str]] | HTTPException:
    """Say what went wrong in the site's dress; a lesson answers as the tutorial's programs do."""
    if not has_request_context() or _in_a_lesson():
        return error
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return await render_template("site/error.html", error=error), error.code or 500, headers


def _in_a_lesson() -> bool:
    return request.path.startswith("/lessons/") and request.blueprint not in {"lessons", "site"}
