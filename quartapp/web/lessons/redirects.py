"""Redirects: send the browser elsewhere, by address or by the name of a view."""

from __future__ import annotations

from markupsafe import escape
from quart import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

bp = Blueprint("redirects", __name__)


@bp.get("/redicts")
async def away() -> Response:
    """Send the browser to another site."""
    return redirect("https://www.baidu.com")


@bp.get("/admin")
async def admin() -> str:
    """Greet the administrator."""
    return "Hello Admin"


@bp.get("/guest/<guest>")
async def guest(guest: str) -> str:
    """Greet a guest."""
    return f"Hello {escape(guest)} as Guest"


@bp.get("/user/<name>")
async def user(name: str) -> Response:
    """Send everybody to his own greeting; url_for quotes the name."""
    if name == "admin":
        return redirect(url_for(".admin"))
    return redirect(url_for(".guest", guest=name))
