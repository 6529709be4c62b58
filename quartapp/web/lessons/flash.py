"""Flash: a message that the next page shows once."""

from __future__ import annotations

from quart import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from quartapp.paths import TEMPLATES
from quartapp.web.lessons._session import keep_session_below

bp = Blueprint("flash", __name__, template_folder=TEMPLATES)
bp.record_once(keep_session_below)

REFUSED = "非法用户名或密码,请重新登入"


@bp.get("/")
async def home() -> str:
    """Show the messages that are waiting, and forget them."""
    return await render_template("lessons/flash/response.html")


@bp.route("/login", methods=["GET", "POST"])
async def login() -> Response | str:
    """Show the form, or sign in with it and leave a message for the page that follows."""
    error = None
    if request.method == "POST":
        form = await request.form
        if (form["user"], form["password"]) == ("admin", "123456"):
            await flash("登入成功")
            return redirect(url_for(".home"))
        error = REFUSED
    return await render_template("lessons/flash/login.html", error=error)
