"""The statements on login_session that the store and the house's own transactions share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Update, and_, false, func, update

from quartapp.accounts.models import LoginSession
from quartapp.core.text import is_storable


def is_theirs(subject: str) -> ColumnElement[bool]:
    """The condition that a session is that of a subject, to the letter."""
    if not is_storable(subject):
        return false()
    # MySQL's utf8mb4_bin takes no notice of spaces at the end: compare the length too.
    return and_(
        LoginSession.subject == subject, func.char_length(LoginSession.subject) == len(subject)
    )


def is_live(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """The condition that a session is neither ended nor expired."""
    return and_(
        LoginSession.revoked_at.is_(None),
        LoginSession.idle_expires_at > now,
        LoginSession.expires_at > now,
    )


def end_one(session_id: str, *, subject: str | None, now: datetime, reason: str) -> Update:
    """End a session unless it is ended already; with `subject` only if it is theirs."""
    ended = _ended(now, reason).where(
        LoginSession.id == session_id, LoginSession.revoked_at.is_(None)
    )
    return ended if subject is None else ended.where(is_theirs(subject))


def end_all(subject: str, *, keep: str | None, now: datetime, reason: str) -> Update:
    """End every live session of somebody but `keep`."""
    ended = _ended(now, reason).where(is_theirs(subject), is_live(now))
    return ended if keep is None else ended.where(LoginSession.id != keep)


def end_many(ids: Collection[str], *, unused_since: datetime, now: datetime, reason: str) -> Update:
    """End those of some sessions that are not ended already, and were not used later than that."""
    return _ended(now, reason).where(
        LoginSession.id.in_(ids),
        LoginSession.last_used_at <= unused_since,
        LoginSession.revoked_at.is_(None),
    )


def _ended(now: datetime, reason: str) -> Update:
    return update(LoginSession).values(revoked_at=now, revoked_reason=reason)
