"""Signing in and out."""

from __future__ import annotations

import math
from collections.abc import Mapping

from quart import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from quartapp.core.errors import Refusal, TooMany
from quartapp.web.guards import current_person, own_path
from quartapp.web.i18n import _
from quartapp.web.login import sign_in, sign_out

bp = Blueprint("sign_in", __name__)


@bp.get("/login")
async def login() -> str | Response:
    """Show the form; lead on who is signed in already."""
    if await current_person() is not None:
        return redirect(_onward(request.args.get("next", "")), 303)
    return await _form(next=request.args.get("next", ""))


@bp.post("/login")
async def check() -> tuple[str, int] | tuple[str, int, dict[str, str]] | Response:
    """Sign in, in a new session."""
    form = await request.form
    typed = {name: form.get(name, "") for name in ("username", "stay", "next")}
    password = form.get("password", "")
    if missing := _missing(username=typed["username"], password=password):
        return await _form(errors=missing, **typed), 400
    try:
        if not await sign_in(typed["username"], password, stay=bool(typed["stay"])):
            return await _form(refused=True, **typed), 401
    except TooMany as error:
        page = await _form(wait=error.retry_after, **typed)
        return page, 429, {"Retry-After": str(error.retry_after)}
    return redirect(_onward(typed["next"]), 303)


@bp.post("/logout")
async def logout() -> Response:
    """Sign out."""
    await sign_out()
    await flash(_("Signed out."), "success")
    return redirect(url_for(".login"), 303)


def _missing(**fields: str) -> dict[str, Refusal]:
    return {
        name: Refusal("required", "Fill this in.") for name, value in fields.items() if not value
    }


async def _form(
    *,
    errors: Mapping[str, Refusal] | None = None,
    refused: bool = False,
    wait: int = 0,
    username: str = "",
    stay: str = "",
    next: str = "",
) -> str:
    await current_person()  # the page shows who is signed in: no cache may keep it
    return await render_template(
        "site/sign_in/login.html",
        errors=errors or {},
        refused=refused,
        minutes=math.ceil(wait / 60),
        username=username,
        stay=stay,
        next=own_path(next),
    )


def _onward(next: str) -> str:
    return own_path(next) or f"{request.root_path}/overview"
