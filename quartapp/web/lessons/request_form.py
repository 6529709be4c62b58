"""The request: every field of a form, in the order it was sent."""

from __future__ import annotations

from quart import Blueprint, render_template, request

from quartapp.paths import TEMPLATES

bp = Blueprint("request_form", __name__, template_folder=TEMPLATES)


@bp.get("/")
async def student() -> str:
    """Show the form."""
    return await render_template("lessons/request_form/student.html")


@bp.route("/result", methods=["GET", "POST"])
async def result() -> str:
    """Show what was sent, a row for each field; of a field sent twice the first value."""
    form = await request.form if request.method == "POST" else {}
    return await render_template("lessons/request_form/result.html", result=form)
