"""The tokens of the API: a strict manager of their own, and whom a request comes from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from quart import Quart, Response

from quartapp.accounts.models import Account
from quartapp.accounts.sessions import DatabaseSessionStore
from quartapp.audit.service import Actor
from quartapp.jwt import (
    JWTManager,
    KeyFile,
    Session,
    get_jwt,
    revoke_session,
    scope_claim,
    verify_jwt_in_request,
)
from quartapp.jwt.refusals import REFUSALS
from quartapp.web.db import app_database
from quartapp.web.events import security
from quartapp.web.keys import app_keys
from quartapp.web.problems import problem

NAME = "api"
ISSUER = "quartapp"
AUDIENCE = "quartapp-api"

ACCESS = timedelta(minutes=15)
IDLE = timedelta(days=30)
LIFETIME = timedelta(days=90)
GRACE = timedelta(seconds=10)

# What a token can be good for, and who gets it.
SCOPES = {
    "houses:read": "Read houses and their files.",
    "houses:write": "Create, change and delete houses.",
    "files:write": "Add and delete files of houses.",
    "admin": "Keep the accounts.",
}
_EVERYBODY = ("houses:read", "houses:write", "files:write")


@dataclass(frozen=True)
class Caller:
    """Whom a token was given to, as it says itself: its session is live, so it still holds."""

    id: int
    name: str
    subject: str
    session_id: str

    @property
    def actor(self) -> Actor:
        """As the services want it."""
        return Actor(self.id, self.name)


def use_tokens(app: Quart) -> JWTManager:
    """Give an application the manager of the API's tokens.

    Its keys are made when the application starts, unless they are there.
    """
    app.config.update(
        API_JWT_PROFILE="strict",
        API_JWT_ENCODE_ISSUER=ISSUER,
        API_JWT_ENCODE_AUDIENCE=AUDIENCE,
        API_JWT_TOKEN_LOCATION=["headers"],
        API_JWT_ACCESS_TOKEN_EXPIRES=ACCESS,
        API_JWT_COOKIE_CSRF_PROTECT=False,  # there are no cookies
    )
    manager = JWTManager(app, name=NAME)
    manager.use_keys(app_keys(app))
    store = DatabaseSessionStore(app_database(app))
    manager.use_sessions(store, idle=IDLE, lifetime=LIFETIME, grace=GRACE, on_reuse=_tell_reuse)

    @app.before_serving
    async def make_keys() -> None:
        await asyncio.to_thread(_make, app_keys(app))

    return manager


def scopes_of(account: Account) -> dict[str, Any]:
    """The claim with what an account may do."""
    return scope_claim(*_EVERYBODY, *(("admin",) if account.is_admin else ()))


def caller() -> Caller:
    """Whom the request at hand comes from; its token must be verified."""
    claims = get_jwt()
    subject = str(claims["sub"])
    id, _, name = subject.partition(":")
    return Caller(int(id), name, subject, str(claims["sid"]))


async def session_of_token(username: str) -> str:
    """The id of the session of the request's token, of either kind.

    "" if it is not one of that name, or is not live.
    """
    try:
        await verify_jwt_in_request(verify_type=False, check_session=True)
    except tuple(REFUSALS):
        return ""
    holder = caller()
    return holder.session_id if holder.name == username else ""


async def account_is_gone() -> Response:
    """The answer to the token of an account that is no more, or disabled; its session ends."""
    asking = caller()
    if await revoke_session(reason="disabled"):
        security("session.revoked", user=asking.id, session=asking.session_id, reason="disabled")
    detail = "The account is no more, or disabled."
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return problem(401, code="invalid-token", detail=detail, headers=challenge)


async def _tell_reuse(session: Session) -> None:
    """Write down that a refresh token was used twice, which has ended its session."""
    user = session.subject.partition(":")[0]
    security("token.reused", user=user, session=session.id)


def _make(keys: KeyFile) -> None:
    # Where the file is there, its folder need not be one that can be written to.
    if not keys.path.exists():
        keys.make()
