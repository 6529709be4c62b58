"""Cookies: set one, read it, delete it."""

from __future__ import annotations

from markupsafe import escape
from quart import Blueprint, Response, request

bp = Blueprint("cookies", __name__)


@bp.get("/set_cookie")
async def set_cookie() -> Response:
    """Set a cookie for an hour; without `max_age` it would end with the browser."""
    response = Response("set success")
    response.set_cookie("username", "zhouzhiwengang", max_age=3600)
    return response


@bp.get("/get_cookie")
async def get_cookie() -> tuple[str, int]:
    """Show the cookie; request.cookies is a dictionary."""
    username = request.cookies.get("username")
    if username is None:
        return "There is no cookie `username`", 404
    return str(escape(username)), 200


@bp.get("/del_cookie")
async def del_cookie() -> Response:
    """Delete the cookie: set it once more, ended long ago."""
    response = Response("del success")
    response.delete_cookie("username")
    return response
