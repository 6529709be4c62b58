"""Errors: end a request with a status and its error page, by abort."""

from __future__ import annotations

from markupsafe import escape
from quart import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from quartapp.paths import TEMPLATES
from quartapp.web.lessons._session import keep_session_below

bp = Blueprint("errors", __name__, template_folder=TEMPLATES)
bp.record_once(keep_session_below)


@bp.get("/")
async def home() -> str:
    """Say who is signed in."""
    if "username" not in session:
        return f'您暂未登录, <br><a href="{url_for(".login")}"><b>点击这里登录</b></a>'
    name = escape(session["username"])
    return f'登录用户名是:{name}<br><a href="{url_for(".logout")}"><b>点击这里注销</b></a>'


@bp.route("/login", methods=["GET", "POST"])
async def login() -> Response | str:
    """Show the form, or sign in with it; a wrong name or password is a 401."""
    if request.method == "POST":
        form = await request.form
        if (form["username"], form["password"]) != ("admin", "123456"):
            abort(401)
        session["username"] = form["username"]
        return redirect(url_for(".home"))
    return await render_template("lessons/errors/login.html")


@bp.get("/logout")
async def logout() -> Response:
    """Sign out: the session is empty then, and its cookie deleted."""
    session.pop("username", None)
    return redirect(url_for(".home"))
