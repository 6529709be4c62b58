"""The language and the theme that a browser is to be answered in."""

from __future__ import annotations

from quart import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from quartapp.web.guards import own_path
from quartapp.web.i18n import COOKIE as LANGUAGE_COOKIE
from quartapp.web.i18n import LANGUAGES
from quartapp.web.site.dress import THEME_COOKIE, THEMES

A_YEAR = 365 * 24 * 3600  # seconds

bp = Blueprint("preferences", __name__)


@bp.post("/preferences")
async def choose() -> Response:
    """Remember what was chosen, and lead back; "system" forgets the theme."""
    form = await request.form
    answer = redirect(own_path(form.get("next", "")) or f"{request.root_path}/", 303)
    language, theme = form.get("language"), form.get("theme")
    if language in LANGUAGES:
        _remember(answer, LANGUAGE_COOKIE, language)
    if theme in THEMES:
        _remember(answer, THEME_COOKIE, theme)
    elif theme == "system":
        answer.delete_cookie(THEME_COOKIE, path=_path())
    return answer


def _remember(answer: Response, name: str, value: str) -> None:
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    answer.set_cookie(
        name, value, max_age=A_YEAR, path=_path(), secure=secure, httponly=True, samesite="Lax"
    )


def _path() -> str:
    return request.root_path or "/"
