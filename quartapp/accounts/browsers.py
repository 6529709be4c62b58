"""Sign-ins of browsers: rows of login_session like those of the API, but without tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Integer, bindparam, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts.models import Account, LoginSession
from quartapp.accounts.service import hold_unchanged, subject_of
from quartapp.accounts.session_rows import is_live
from quartapp.core.clock import now

TOUCH: Final = timedelta(minutes=1)  # how exactly the last use is kept: a write each time is dear

# Made once, as every page asks it.
_ACCOUNT_ID = func.substr(LoginSession.subject, 1, func.instr(LoginSession.subject, ":") - 1)
_LIVE: Final = (
    select(LoginSession, Account)
    .join(Account, Account.id == cast(_ACCOUNT_ID, Integer))
    .where(
        LoginSession.id == bindparam("session"),
        LoginSession.digest == "",
        is_live(bindparam("now")),
    )
)


@dataclass(frozen=True, slots=True)
class Stay:
    """How long a sign-in lasts: while it is not used, and in all."""

    idle: timedelta
    lifetime: timedelta


BRIEF: Final = Stay(timedelta(hours=12), timedelta(hours=24))
LONG: Final = Stay(timedelta(days=30), timedelta(days=90))  # "stay signed in"


@dataclass(frozen=True, slots=True)
class Visit:
    """A session that was resumed, and whose it is."""

    session: LoginSession
    account: Account

    @property
    def stay(self) -> Stay:
        """How long the session lasts."""
        lifetime = self.session.expires_at - self.session.created_at
        return LONG if lifetime > BRIEF.lifetime else BRIEF

    def is_stale(self, at: datetime) -> bool:
        """Whether the last use should be written down anew."""
        return at - self.session.last_used_at >= TOUCH


async def start(
    db: AsyncSession, *, account: Account, stay: Stay, address: str, device: str
) -> str | None:
    """Begin a session and return its id.

    None if the account is not what it was when its password was checked.
    """
    if not await hold_unchanged(db, account=account):
        return None
    at = now()
    session = LoginSession(
        id=secrets.token_hex(16),
        subject=subject_of(account),
        created_at=at,
        last_used_at=at,
        idle_expires_at=at + stay.idle,
        expires_at=at + stay.lifetime,
        digest="",
        address=address,
        device=device,
    )
    db.add(session)
    await db.flush()
    return session.id


async def resume(db: AsyncSession, *, id: str) -> Visit | None:
    """The live session of that id, and its account; None if either is no more, or disabled."""
    found = (await db.execute(_LIVE, {"session": id, "now": now()})).one_or_none()
    if found is None:
        return None
    session, account = found
    # A database may give the id of an account that is gone to the next new one.
    if subject_of(account) != session.subject or account.disabled_at is not None:
        return None
    return Visit(session, account)


async def touch(db: AsyncSession, *, visit: Visit, address: str) -> None:
    """Write down that a session is used now, and from where."""
    at = now()
    idle_expires_at = min(at + visit.stay.idle, visit.session.expires_at)
    used = update(LoginSession).where(LoginSession.id == visit.session.id, is_live(at))
    await db.execute(
        used.values(last_used_at=at, idle_expires_at=idle_expires_at, address=address),
        execution_options={"synchronize_session": False},
    )
