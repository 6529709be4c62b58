"""The home page."""

from __future__ import annotations

from quart import Blueprint, render_template

bp = Blueprint("site", __name__)


@bp.get("/")
async def index() -> str:
    """Say what this is, and lead on."""
    return await render_template("site/home.html")
