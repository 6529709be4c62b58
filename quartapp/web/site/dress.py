"""What all pages have in common."""

from __future__ import annotations

from typing import Any

from quart import current_app, g, request, url_for
from sqlalchemy.exc import SQLAlchemyError

from quartapp import __version__
from quartapp.core.errors import DomainError
from quartapp.web import i18n
from quartapp.web.addresses import here, in_a_lesson
from quartapp.web.bootstrap import bootstrap
from quartapp.web.guards import Person, current_person
from quartapp.web.i18n import LANGUAGES

THEMES = ("light", "dark")  # and the system's own, which no cookie names
THEME_COOKIE = "theme"

# The parts of the site that the navigation names, each with the paths that belong to it.
SECTIONS = {
    "/overview": ("/overview",),
    "/houses": ("/houses", "/house"),
    "/people": ("/people",),
    "/lessons/": ("/lessons",),
}


async def common() -> dict[str, Any]:
    """What the layouts of all pages use: the lessons' own do without where there is no site."""
    static = {
        "stylesheet": url_for("static", filename="quartapp.css"),
        "dark_stylesheet": url_for("static", filename="dark.css"),
        "drawing": url_for("static", filename="icon.svg"),
        "theme": theme(),
    }
    if in_a_lesson():
        return static
    return static | {
        "bootstrap": bootstrap,
        "root": request.root_path,
        "here": way_back(),
        "section": section(),
        "person": await person_if_known(),
        "language_tag": i18n.language_tag(),
        "languages": LANGUAGES,
        "with_lessons": "lessons" in current_app.blueprints,
        "with_sign_in": "sign_in" in current_app.blueprints,
        "version": __version__,
    }


def theme() -> str:
    """The theme that was chosen; empty where the system decides."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def way_back() -> str:
    """Where to come back to: the page at hand; after a POST the home page."""
    return here() if request.method in {"GET", "HEAD"} else f"{request.root_path}/"


def section() -> str:
    """The part of the site that the request belongs to."""
    first = f"/{request.path.split('/', 2)[1]}"
    return next((name for name, paths in SECTIONS.items() if first in paths), "")


async def person_if_known() -> Person | None:
    """Who is signed in; nobody while the database that could tell is away."""
    if g.get("without_database", False):
        return None
    try:
        return await current_person()
    except (SQLAlchemyError, DomainError, OSError):
        return None
