"""The home page."""

from __future__ import annotations

from quart import Blueprint, current_app, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from quartapp import __version__

bp = Blueprint("site", __name__)


@bp.get("/")
async def index() -> str:
    """Say what this is, and lead on."""
    with_lessons = "lessons" in current_app.blueprints
    return await render_template("site/home.html", with_lessons=with_lessons)


@bp.app_context_processor
async def common() -> dict[str, str]:
    """What the layouts of all pages use: the lessons' own do without where there is no site."""
    return {
        "stylesheet": url_for("static", filename="quartapp.css"),
        "icon": url_for("static", filename="icon.svg"),
        "version": __version__,
    }


@bp.app_errorhandler(HTTPException)
async def error_page(error: HTTPException) -> tuple[str, int, dict[str, str]] | HTTPException:
    """Say what went wrong in the site's dress; a lesson answers as the tutorial's programs do."""
    if request.path.startswith("/lessons/") and request.blueprint not in {"lessons", "site"}:
        return error
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return await render_template("site/error.html", error=error), error.code or 500, headers
