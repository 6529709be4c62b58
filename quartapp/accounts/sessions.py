"""Sign-ins in the database: the store that quartapp.jwt keeps its sessions in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import (
    CursorResult,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from quartapp.accounts.models import LoginKey, LoginSession
from quartapp.accounts.session_rows import end_all, end_many, end_one, is_live, is_theirs
from quartapp.db.database import Database
from quartapp.db.retry import retried
from quartapp.db.to_the_end import to_the_end
from quartapp.jwt.session_store import LISTED, Rotation, Session

# Sign-ins that have ended stay that long: the overview counts those of two weeks.
KEPT = timedelta(days=15)
BATCH = 500  # rows deleted or ended in one transaction
MOST = LISTED  # live sessions of one account; nobody sees, or ends one by one, what is not listed
AT_ONCE = 50_000  # ids that are read to be ended
KEYS_UNTIL_PRUNING = 1000  # proofs
SURPLUS = "too many"  # why a session was ended

_COLUMNS: Final = [field.name for field in fields(Session)]

# Made once: to make them takes as long as to ask.
_TABLE: Final = cast(Table, LoginSession.__table__)
_ADD: Final = insert(_TABLE)
_LIVE: Final = select(_TABLE.c.id).where(
    _TABLE.c.id == bindparam("session"),
    is_live(bindparam("now")),
    ~exists().where(LoginKey.id == bindparam("token")),
)


class DatabaseSessionStore:
    """Keeps sessions in login_session, over all processes on one database.

    Each method is a short transaction of its own: to be called outside of any other one.
    Raises what `Database` raises.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = 0

    async def add(self, session: Session) -> None:
        """Keep a new session."""
        await self._write(_ADD, {name: getattr(session, name) for name in _COLUMNS})

    async def get(self, session_id: str) -> Session | None:
        """Return a session, also one that is revoked or expired; None if there is none."""
        found = await self._read(_select().where(LoginSession.id == session_id))
        return found[0] if found else None

    async def rotate(self, step: Rotation) -> bool:
        """Take the step, if the session is live at `step.now` and its digest is `expected`."""
        taken = (
            update(LoginSession)
            .where(
                LoginSession.id == step.session_id,
                LoginSession.digest == step.expected,
                is_live(step.now),
            )
            .values(
                generation=LoginSession.generation + 1,
                digest=step.digest,
                previous_digest=step.expected,
                successor=step.successor,
                last_used_at=step.now,
                idle_expires_at=step.idle_expires_at,
                address=step.address,
            )
        )
        return await self._write(taken) == 1

    async def revoke(
        self, session_id: str, *, now: datetime, reason: str, subject: str | None = None
    ) -> bool:
        """End a session; True if it was not revoked before. With `subject` only if it is theirs."""
        ended = end_one(session_id, subject=subject, now=now, reason=reason)
        return await self._write(ended) == 1

    async def revoke_all(
        self, subject: str, *, now: datetime, reason: str, keep: str | None = None
    ) -> int:
        """End every live session of somebody but `keep`, and return how many those were."""
        return await self._write(end_all(subject, keep=keep, now=now, reason=reason))

    async def sessions_of(self, subject: str, *, now: datetime) -> Sequence[Session]:
        """Return somebody's live sessions, the one used last first, and no more than LISTED."""
        newest_first = LoginSession.last_used_at.desc(), LoginSession.id.desc()
        theirs = _select().where(is_theirs(subject), is_live(now))
        return await self._read(theirs.order_by(*newest_first).limit(LISTED))

    async def is_live(self, session_id: str, token: str, *, now: datetime) -> bool:
        """Tell whether a session is live and this token of it not revoked by itself."""
        asked = {"session": session_id, "now": now, "token": token}
        async with self._database.asking() as db:
            return await db.scalar(_LIVE, asked) is not None

    async def revoke_token(self, token: str, *, until: datetime) -> None:
        """Refuse one token, of which `token` is a digest, until it has expired."""
        await self._remember(token, until)

    async def use_once(self, key: str, *, now: datetime, until: datetime) -> bool:
        """Tell whether `key` is new, and remember it until then: of many callers one gets True."""
        # Each proof leaves a row: not even a program that never prunes shall drown in them.
        self._keys += 1
        if self._keys % KEYS_UNTIL_PRUNING == 0:
            await self._delete_expired(LoginKey.id, LoginKey.expires_at, now)
        return await self._remember(key, until)

    async def prune(self, *, now: datetime) -> int:
        """Forget what has expired, and return how many sessions that were."""
        await self._delete_expired(LoginKey.id, LoginKey.expires_at, now)
        return await self._delete_expired(LoginSession.id, LoginSession.idle_expires_at, now)

    async def end_surplus(self, *, now: datetime) -> int:
        """End of everybody's live sessions those unused for longest, and return how many.

        The MOST that were used last go on. Done now and then: at each sign-in it would cost an
        index that every use of a session writes to.
        """
        subject = LoginSession.subject
        many = select(subject).group_by(subject).having(func.count() > MOST)
        async with self._database.reading() as db:
            subjects = (await db.scalars(many)).all()
        return sum([await self._end_surplus_of(each, now) for each in subjects])

    async def _end_surplus_of(self, subject: str, now: datetime) -> int:
        used = LoginSession.last_used_at
        theirs = select(LoginSession.id, used).where(is_theirs(subject), is_live(now))
        surplus = theirs.order_by(used.desc(), LoginSession.id.desc()).offset(MOST).limit(AT_ONCE)
        count = 0
        while True:
            async with self._database.reading() as db:
                rows = (await db.execute(surplus)).all()
            for start in range(0, len(rows), BATCH):
                ids = [row.id for row in rows[start : start + BATCH]]
                # One that is used meanwhile is none of those that nobody uses.
                ended = end_many(ids, unused_since=rows[0].last_used_at, now=now, reason=SURPLUS)
                count += await self._write(ended)
            if len(rows) < AT_ONCE:
                return count

    async def _remember(self, key: str, until: datetime) -> bool:
        try:
            await self._write(insert(LoginKey).values(id=key, expires_at=until))
        except IntegrityError:
            return False
        return True

    async def _delete_expired(
        self, id: InstrumentedAttribute[str], ends: InstrumentedAttribute[datetime], now: datetime
    ) -> int:
        # By id: deleting a range of times would lock, on MySQL, what lies beside it.
        count = 0
        while True:
            async with self._database.reading() as db:
                expired = (await db.scalars(select(id).where(ends <= now).limit(BATCH))).all()
            if expired:
                count += await self._write(delete(id.class_).where(id.in_(expired), ends <= now))
            if len(expired) < BATCH:
                return count

    async def _read(self, statement: Select[Any]) -> list[Session]:
        async with self._database.reading(snapshot=False) as db:
            rows = (await db.execute(statement)).all()
        return [Session(**row._asdict()) for row in rows]

    @retried
    async def _write(
        self, statement: Insert | Update | Delete, values: dict[str, Any] | None = None
    ) -> int:
        """Run one statement in a transaction of its own, and return how many rows it met."""
        unsynchronized = {"synchronize_session": False}
        async with self._database.writing(alone=True) as db:
            # Not to be left in the middle: the next writer would meet it in the database.
            done = await to_the_end(db.execute(statement, values, execution_options=unsynchronized))
        return cast("CursorResult[Any]", done).rowcount


def _select() -> Select[Any]:
    return select(*(getattr(LoginSession, name) for name in _COLUMNS))
