"""Whoever asks: their account, their password, where they are signed in."""

from __future__ import annotations

from quart import Blueprint, Response

from quartapp.accounts import service as accounts
from quartapp.core.errors import NotFound
from quartapp.jwt import (
    get_scopes,
    list_sessions,
    revoke_all_sessions,
    revoke_session,
)
from quartapp.web import login
from quartapp.web.api.models import In, Out, Password
from quartapp.web.api.operations import Answer, Json, Operation, answer, nothing
from quartapp.web.api.sessions import Ended, Sessions
from quartapp.web.api.tokens import account_is_gone, caller
from quartapp.web.db import asking
from quartapp.web.events import security

bp = Blueprint("me", __name__, url_prefix="/me")


class Me(Out):
    """An account, and what its token is good for."""

    id: int
    username: str
    admin: bool
    scopes: list[str]
    session_id: str


class NewPassword(In):
    """The password that one has, and the one to have."""

    current: str
    new: Password


@bp.get("")
@Operation(id="getMe", summary="Whose token it is", answers={200: Answer("The account.", Me)})
async def me() -> Response:
    """Say whose token it is, and what it is good for."""
    who = caller()
    async with asking() as db:
        account = await accounts.find_by_subject(db, subject=who.subject)
    if account is None:
        return await account_is_gone()
    return answer(
        Me(
            id=account.id,
            username=account.username,
            admin=account.is_admin,
            scopes=sorted(get_scopes()),
            session_id=who.session_id,
        )
    )


@bp.put("/password")
@Operation(
    id="changePassword",
    summary="Change one's own password",
    body=Json(NewPassword),
    answers={204: Answer("It is changed, and all other sessions have ended.")},
    refusals={
        409: "The password was changed meanwhile.",
        429: "Too many wrong passwords were given.",
    },
)
async def change_password(body: NewPassword) -> Response:
    """Change the password; ends every session but this one."""
    await login.change_password(caller(), current=body.current, new=body.new)
    return nothing()


@bp.get("/sessions")
@Operation(
    id="listMySessions",
    summary="Where one is signed in",
    answers={200: Answer("The sessions.", Sessions)},
)
async def sessions() -> Response:
    """List the live sessions, browsers and programs alike."""
    who = caller()
    found = await list_sessions(who.subject)
    return answer(Sessions.of(found, current=who.session_id))


@bp.delete("/sessions/<session_id>")
@Operation(
    id="endMySession",
    summary="Sign out one session",
    answers={204: Answer("It has ended.")},
    refusals={404: "There is no such live session of this account."},
)
async def end_session(session_id: str) -> Response:
    """End one of the sessions, this very one too."""
    if not await revoke_session(session_id, subject=caller().subject, reason="signed out"):
        raise NotFound("there is no such session")
    security("session.revoked", user=caller().id, session=session_id, reason="signed out")
    return nothing()


@bp.delete("/sessions")
@Operation(
    id="endMyOtherSessions",
    summary="Sign out everywhere else",
    answers={200: Answer("All others have ended.", Ended)},
)
async def end_other_sessions() -> Response:
    """End every session but this one."""
    who = caller()
    ended = await revoke_all_sessions(who.subject, keep=who.session_id, reason="signed out")
    security("sessions.revoked", user=who.id, count=ended, reason="signed out")
    return answer(Ended(ended=ended))
