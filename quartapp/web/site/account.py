"""My account: the password, and where I am signed in."""

from __future__ import annotations

from collections.abc import Mapping

from quart import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from quartapp.core.clock import now
from quartapp.core.errors import Invalid, Refusal
from quartapp.jwt.session_store import LISTED
from quartapp.web import login
from quartapp.web.events import security
from quartapp.web.guards import person, signed_in
from quartapp.web.i18n import _

bp = Blueprint("account", __name__)


@bp.get("/account")
@signed_in
async def index() -> str:
    """Show who I am, and where I am signed in."""
    return await _page()


@bp.post("/account/password")
@signed_in
async def change_password() -> Response | tuple[str, int]:
    """Change my password, which signs me out everywhere else."""
    form = await request.form
    typed = {name: form.get(name, "") for name in ("current", "new", "repeat")}
    try:
        if typed["new"] != typed.pop("repeat"):
            differs = Refusal("differs", "This is not the same as above.")
            raise Invalid(str(differs), fields={"repeat": differs})
        await login.change_password(person(), **typed)
    except Invalid as error:
        return await _page(error.fields), 400
    await flash(_("Your password is changed. You are signed out everywhere else."), "success")
    return redirect(url_for(".index"), 303)


@bp.post("/account/sessions/<id>/end")
@signed_in
async def end(id: str) -> Response:
    """Sign out on one of my devices."""
    if id == person().session_id:
        await login.sign_out()
        await flash(_("Signed out."), "success")
        return redirect(url_for("sign_in.login"), 303)
    ended = await login.sessions().revoke(
        id, now=now(), reason="signed out", subject=person().subject
    )
    if ended:
        security("session.revoked", user=person().id, session=id, reason="signed out")
    await flash(_("Signed out there.") if ended else _("It was signed out already."), "success")
    return redirect(url_for(".index"), 303)


@bp.post("/account/sessions/end-others")
@signed_in
async def end_others() -> Response:
    """Sign out everywhere but here."""
    me = person()
    ended = await login.sessions().revoke_all(
        me.subject, now=now(), reason="signed out", keep=me.session_id
    )
    security("sessions.revoked", user=me.id, count=ended, reason="signed out")
    await flash(_("Signed out everywhere else."), "success")
    return redirect(url_for(".index"), 303)


async def _page(errors: Mapping[str, Refusal] | None = None) -> str:
    me = person()
    return await render_template(
        "site/account/account.html",
        me=me,
        errors=errors or {},
        most=LISTED,
        sign_ins=await login.sign_ins(me.subject, current=me.session_id),
        end_address=_end_address,
    )


def _end_address(id: str) -> str:
    return url_for(".end", id=id)
