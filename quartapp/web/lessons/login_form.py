"""Login by a form: a template with a form, and the view that reads it."""

from __future__ import annotations

from typing import Any

from quart import Blueprint, render_template, request

from quartapp.paths import TEMPLATES

bp = Blueprint("login_form", __name__, template_folder=TEMPLATES)


@bp.get("/")
async def home() -> str:
    """Show the form."""
    return await render_template("lessons/login_form/login.html")


@bp.post("/login")
async def login() -> tuple[dict[str, Any], int]:
    """Read the form; a field that is missing is a 400 by itself."""
    form = await request.form
    if (form["user"], form["password"]) != ("admin", "123456"):
        return {"message": "Wrong user or password"}, 401
    return {"token": "abcd123456", "birthdat": "2024-04-18"}, 200
