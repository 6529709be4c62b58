"""People: the accounts, for admins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from quart import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from quartapp.accounts import login as accounts_login
from quartapp.accounts import service as accounts
from quartapp.accounts.models import Account
from quartapp.core.clock import now
from quartapp.core.errors import Conflict, Invalid, Refusal
from quartapp.db.retry import retried
from quartapp.jwt.session_store import LISTED
from quartapp.web import login
from quartapp.web.db import database, reading, writing
from quartapp.web.events import security
from quartapp.web.guards import admin_only, person
from quartapp.web.house_search import whole
from quartapp.web.i18n import _

PAGE = 50  # accounts

bp = Blueprint("people", __name__)


@bp.get("/people")
@admin_only
async def index() -> str:
    """List everybody, a page at a time."""
    return await _list()


@bp.post("/people")
@admin_only
async def create() -> Response | tuple[str, int]:
    """Make an account."""
    form = await request.form
    username, is_admin = form.get("username", ""), "is_admin" in form
    try:
        account = await accounts_login.register(
            database(),
            login.passwords(),
            username=username,
            password=form.get("password", ""),
            is_admin=is_admin,
            by=person().actor,
        )
    except (Invalid, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 400
        return await _list(error.fields, username=username, is_admin=is_admin), status
    security("account.created", user=account.id, admin=is_admin)
    await flash(_("%(name)s can sign in now.", name=account.username), "success")
    return redirect(url_for(".show", id=account.id), 303)


@bp.get("/people/<int:id>")
@admin_only
async def show(id: int) -> str:
    """Show an account, and where it is signed in."""
    return await _page(id)


@bp.post("/people/<int:id>/disable")
@admin_only
async def disable(id: int) -> Response:
    """Let somebody sign in no more."""
    account = await _changed(accounts.disable, id)
    login.tell_changes(account, {"disabled"})
    return await _done(id, _("%(name)s is disabled and signed out.", name=account.username))


@bp.post("/people/<int:id>/enable")
@admin_only
async def enable(id: int) -> Response:
    """Let somebody sign in again."""
    account = await _changed(accounts.enable, id)
    login.tell_changes(account, {"disabled"})
    return await _done(id, _("%(name)s can sign in again.", name=account.username))


@bp.post("/people/<int:id>/admin")
@admin_only
async def set_admin(id: int) -> Response:
    """Make somebody an admin, or one no more."""
    is_admin = (await request.form).get("admin") == "on"
    account = await _changed(partial(accounts.set_admin, is_admin=is_admin), id)
    login.tell_changes(account, {"admin"})
    if is_admin:
        return await _done(id, _("%(name)s is an admin now.", name=account.username))
    return await _done(id, _("%(name)s is no admin any more.", name=account.username))


@bp.post("/people/<int:id>/password")
@admin_only
async def set_password(id: int) -> Response | tuple[str, int]:
    """Give somebody a new password."""
    password = (await request.form).get("password", "")
    try:
        await accounts_login.set_password(
            database(), login.passwords(), id=id, password=password, by=person().actor
        )
    except Invalid as error:
        return await _page(id, error.fields), 400
    security("password.changed", user=id)
    return await _done(id, _("The password is set. All sessions are signed out."))


@bp.post("/people/<int:id>/sessions/end")
@admin_only
async def end_all(id: int) -> Response:
    """Sign somebody out everywhere."""
    account = await _account(id)
    ended = await login.sessions().revoke_all(
        accounts.subject_of(account), now=now(), reason="by an admin"
    )
    security("sessions.revoked", user=id, count=ended, reason="by an admin")
    return await _done(id, _("Signed out everywhere."))


@bp.post("/people/<int:id>/sessions/<session_id>/end")
@admin_only
async def end(id: int, session_id: str) -> Response:
    """Sign somebody out on one device."""
    subject = accounts.subject_of(await _account(id))
    ended = await login.sessions().revoke(
        session_id, now=now(), reason="by an admin", subject=subject
    )
    if ended:
        security("session.revoked", user=id, session=session_id, reason="by an admin")
    return await _done(id, _("Signed out there.") if ended else _("It was signed out already."))


@retried
async def _changed(change: Callable[..., Awaitable[Account]], id: int) -> Account:
    async with writing() as db:
        return await change(db, id=id, by=person().actor)


async def _account(id: int) -> Account:
    async with reading() as db:
        return await accounts.get(db, id=id)


async def _done(id: int, message: str) -> Response:
    await flash(message, "success")
    return redirect(url_for(".show", id=id), 303)


async def _list(
    errors: Mapping[str, Refusal] | None = None, *, username: str = "", is_admin: bool = False
) -> str:
    async with reading() as db:
        listed = await accounts.page(db, number=whole(request.args.get("page", "")) or 1, size=PAGE)
    return await render_template(
        "site/people/list.html",
        listed=listed,
        errors=errors or {},
        username=username,
        is_admin=is_admin,
    )


async def _page(id: int, errors: Mapping[str, Refusal] | None = None) -> str:
    account, me = await _account(id), person()
    return await render_template(
        "site/people/person.html",
        account=account,
        is_me=account.id == me.id,
        errors=errors or {},
        most=LISTED,
        sign_ins=await login.sign_ins(accounts.subject_of(account), current=me.session_id),
        end_address=lambda session_id: url_for(".end", id=id, session_id=session_id),
    )
