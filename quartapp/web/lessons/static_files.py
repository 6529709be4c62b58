"""Static files: a script that a page loads, served with its type, its age and its ETag."""

from __future__ import annotations

from quart import render_template

from quartapp.paths import STATIC, TEMPLATES
from quartapp.web.static import StaticBlueprint

bp = StaticBlueprint(
    "static_files",
    __name__,
    template_folder=TEMPLATES,
    static_folder=STATIC / "lessons",
    static_url_path="/static",
)


@bp.get("/")
async def show() -> str:
    """Show a page whose button calls the script."""
    return await render_template("lessons/static_files/static.html")
