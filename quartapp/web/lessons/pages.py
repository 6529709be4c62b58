"""The pages about the lessons: the list, and for each what it shows, a trial, and its source."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from quart import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.paths import TEMPLATES
from quartapp.web.lessons.catalogue import LESSONS

bp = Blueprint("lessons", __name__, template_folder=TEMPLATES)

A_DAY = 24 * 3600  # seconds
LIGHT, DARK = "xcode", "zenburn"  # styles whose colours have a contrast of 4.5:1 on our cards


@bp.get("/")
async def index() -> str:
    """List the lessons."""
    return await render_template("lessons/index.html", lessons=LESSONS.values())


@bp.get("/about/<name>")
async def about(name: str) -> str:
    """Show what a lesson does, let one try it, and show its source."""
    if name not in LESSONS:
        abort(404)
    lesson = LESSONS[name]
    return await render_template(
        f"lessons/{lesson.module}/about.html",
        lesson=lesson,
        source=highlighted(lesson.source),
    )


@bp.get("/<name>")
async def section(name: str) -> WerkzeugResponse:
    """Lead from a lesson's bare address to the page about it."""
    if name not in LESSONS:
        abort(404)
    return redirect(url_for(".about", name=name))


@bp.get("/source.css")
async def source_css() -> Response:
    """The colours of highlighted source; with `?theme=dark` those for a dark page."""
    dark = request.args.get("theme") == "dark"
    response = Response(colours(DARK if dark else LIGHT), mimetype="text/css")
    response.cache_control.max_age = A_DAY
    return response


@cache
def highlighted(source: str) -> Markup:
    """Python source as HTML."""
    return Markup(highlight(source, PythonLexer(), HtmlFormatter()))  # noqa: S704 - escapes itself


@cache
def colours(style: str) -> str:
    """The style sheet that goes with it, without the ground, which is the page's."""
    formatter = HtmlFormatter(style=style)
    return "\n".join(formatter.get_token_style_defs(".highlight"))  # type: ignore[no-untyped-call]
