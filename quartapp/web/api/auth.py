"""Sign in, refresh, revoke: how programs come to their tokens, and how they give them back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response

from quartapp.accounts import service as accounts
from quartapp.accounts.login import TRIED
from quartapp.accounts.models import Account
from quartapp.db.retry import retried
from quartapp.jwt import (
    get_jwt,
    get_jwt_identity,
    no_store,
    revoke_session,
    revoke_token,
    rotate_session,
    start_session,
)
from quartapp.jwt.session_tokens import SessionTokens
from quartapp.web.api.models import In, Out
from quartapp.web.api.operations import FORM, JSON, Answer, Json, Operation, answer, nothing
from quartapp.web.api.tokens import account_is_gone, caller, scopes_of, session_of_token
from quartapp.web.db import asking
from quartapp.web.events import security
from quartapp.web.limits import limits
from quartapp.web.login import authenticate, tell_sign_in
from quartapp.web.problems import problem

bp = Blueprint("auth", __name__, url_prefix="/auth")


class SignIn(In):
    """Who signs in; `device` is what the list of sessions calls where."""

    username: Annotated[str, Field(examples=["ann"])]
    password: Annotated[
        str, Field(max_length=TRIED, examples=["correct horse battery staple"])
    ]  # a longer one is nobody's, and need not be hashed to know that
    device: Annotated[str | None, Field(max_length=255, examples=["the import at night"])] = None


class Refresh(In):
    """A refresh token, where it does not stand in the header Authorization."""

    refresh_token: Annotated[str, Field(alias="refresh_token", pattern=r"^[A-Za-z0-9_.\-]+$")]


class Tokens(Out):
    """An access token for a quarter of an hour, and a refresh token that is good once."""

    access_token: Annotated[str, Field(serialization_alias="access_token")]
    refresh_token: Annotated[str, Field(serialization_alias="refresh_token")]
    token_type: Annotated[str, Field(serialization_alias="token_type", examples=["Bearer"])]
    expires_in: Annotated[int, Field(serialization_alias="expires_in", examples=[900])]
    scope: Annotated[str, Field(examples=["houses:read houses:write files:write"])]


@bp.post("/sign-in")
@Operation(
    id="signIn",
    summary="Sign in with a name and a password",
    bearer="",
    body=Json(SignIn, media=(JSON, FORM)),
    answers={200: Answer("The tokens of a new session.", Tokens)},
    refusals={
        401: "There is no such account, it is disabled, or the password is another one.",
        429: "Too many wrong passwords were given, for this name or from this address. Who sends a "
        "token of a live session of the account is counted apart.",
        503: "Too many sign in at the moment, or the database could not do it now.",
    },
)
async def sign_in(body: SignIn) -> Response:
    """Begin a session."""
    async with limits().attempt(body.username, session_of_token) as attempt:
        account = await authenticate(body.username, body.password)
        attempt.failed = account is None
    while account is not None:
        scopes = scopes_of(account)
        device = body.device or None
        tokens = await start_session(
            accounts.subject_of(account), additional_claims=scopes, device=device
        )
        if await _is_unchanged(account):
            tell_sign_in(account, session_id=tokens.session_id, way="api")
            return _answer(tokens, scopes["scope"])
        # Disabled meanwhile, with another password or role: that has ended the sessions before.
        await revoke_session(tokens.session_id, reason="changed")
        account = await authenticate(body.username, body.password)
    detail = "The name or the password is wrong."
    challenge = {"WWW-Authenticate": "Bearer"}
    return problem(401, code="wrong-credentials", detail=detail, headers=challenge)


@bp.post("/refresh")
@Operation(
    id="refresh",
    summary="Change a refresh token for new tokens",
    bearer="refresh",
    body=Json(Refresh, required=False),
    answers={200: Answer("New tokens of the same session; the old ones are used up.", Tokens)},
)
async def refresh() -> Response:
    """Use the token up for two new ones, with what the account may do now."""
    async with asking() as db:
        account = await accounts.find_by_subject(db, subject=get_jwt_identity())
    if account is None:
        return await account_is_gone()
    scopes = scopes_of(account)
    tokens = await rotate_session(additional_claims=scopes)
    return _answer(tokens, scopes["scope"])


@bp.post("/revoke")
@Operation(
    id="revoke",
    summary="Give a token back",
    bearer="either",
    answers={
        204: Answer("An access token is refused from now on; a refresh token's session ends.")
    },
)
async def revoke() -> Response:
    """Refuse the request's own token from now on (RFC 7009 section 2.1)."""
    await revoke_token()
    asking = caller()
    event = "sign-out" if get_jwt()["type"] == "refresh" else "token.revoked"
    security(event, user=asking.id, session=asking.session_id)
    return nothing()


@retried
async def _is_unchanged(account: Account) -> bool:
    # The session is there by now: who changes the account later ends it, and who has begun is
    # waited for, by the row's lock on MySQL, and on SQLite by the session's own transaction.
    async with asking() as db:
        return await accounts.hold_unchanged(db, account=account)


def _answer(tokens: SessionTokens, scope: str) -> Response:
    done = answer(Tokens(**tokens.as_dict(), scope=scope))
    no_store(done)
    return done
