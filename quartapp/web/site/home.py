"""The home page."""

from __future__ import annotations

from quart import Blueprint, current_app, render_template, url_for

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
    return {"stylesheet": url_for("static", filename="quartapp.css"), "version": __version__}
