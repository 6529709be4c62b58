"""Requests that are carried out once, however often they are sent.

`begin` takes the key in a transaction of its own; `keep` puts the answer beside it in the very
transaction that does the work, so that what was acknowledged is never done twice; `release` gives
the key back when nothing was done.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.clock import now
from quartapp.core.errors import Conflict, Invalid
from quartapp.db.database import Database
from quartapp.db.retry import retried
from quartapp.idempotency.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
STALE_AFTER = timedelta(seconds=60)  # one that has run for so long has lost its process

LOOKS = 5  # at a key that others take and give back meanwhile
BATCH = 500  # rows deleted in one transaction


class StillRunning(Conflict):
    """The first request with this key is still being carried out."""

    code = "idempotency-key-in-use"


class KeyReused(Invalid):
    """The key was used with another body."""

    code = "idempotency-key-reused"


@dataclass(frozen=True)
class Kept:
    """The answer to a request that was carried out; `headers` is JSON."""

    status: int
    headers: str
    answer: str


@dataclass(frozen=True)
class Attempt:
    """The right to carry a request out: until it is kept, released, or stale."""

    id: str
    started_at: datetime


def digest(secret: str, *parts: str) -> str:
    """What a request is known by, 64 hexadecimal digits; no two lists of parts agree.

    With a secret, so that nobody who sees the table can guess at the passwords in a body.
    """
    whole = hmac.new(secret.encode(), digestmod=sha256)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        whole.update(b"%d:" % len(encoded) + encoded)
    return whole.hexdigest()


@retried
async def begin(database: Database, *, id: str, body: str) -> Attempt | Kept:
    """The right to carry out the request `id`, or its answer if that was done before.

    `id` and `body` are digests. Raises KeyReused for another body than the first one's,
    StillRunning while that one runs.
    """
    for _ in range(LOOKS):
        with suppress(IntegrityError):  # somebody else was faster: see what is there now
            return await _begin(database, id, body)
    raise StillRunning("other requests with this Idempotency-Key have just begun")


async def keep(
    db: AsyncSession, attempt: Attempt, *, status: int, headers: str, answer: str
) -> None:
    """Put the answer beside the key. Raises StillRunning if another request has taken it over."""
    kept = (
        update(IdempotencyKey)
        .where(_held(attempt))
        .values(status=status, headers=headers, answer=answer)
    )
    done = await db.execute(kept, execution_options={"synchronize_session": False})
    if not cast("CursorResult[Any]", done).rowcount:
        raise StillRunning("the request took too long, and another one with its key took over")


@retried
async def release(database: Database, attempt: Attempt) -> None:
    """Give the key back, unless the answer is kept."""
    async with database.writing() as db:
        await db.execute(delete(IdempotencyKey).where(_held(attempt)))


async def prune(database: Database) -> int:
    """Forget the answers that have expired, and return how many those were."""
    count = 0
    while True:
        over = IdempotencyKey.expires_at <= now()
        async with database.reading() as db:
            ids = (await db.scalars(select(IdempotencyKey.id).where(over).limit(BATCH))).all()
        if ids:
            async with database.writing() as db:
                await db.execute(delete(IdempotencyKey).where(IdempotencyKey.id.in_(ids), over))
        count += len(ids)
        if len(ids) < BATCH:
            return count


async def _begin(database: Database, id: str, body: str) -> Attempt | Kept:
    started_at = now()
    fresh = {
        "id": id,
        "body": body,
        "status": None,
        "headers": None,
        "answer": None,
        "created_at": started_at,
        "expires_at": started_at + KEPT_FOR,
    }
    async with database.reading() as db:
        found = await db.get(IdempotencyKey, id)
    if found is None:
        async with database.writing() as db:
            await db.execute(insert(IdempotencyKey).values(fresh))
        return Attempt(id, started_at)
    if found.expires_at > started_at:
        if found.body != body:
            raise KeyReused("this Idempotency-Key was used with another body")
        if found.status is not None:
            return Kept(found.status, found.headers or "{}", found.answer or "")
        if found.created_at > started_at - STALE_AFTER:
            raise StillRunning("the first request with this Idempotency-Key is still running")
    async with database.writing() as db:
        over = or_(IdempotencyKey.expires_at <= started_at, IdempotencyKey.status.is_(None))
        same = IdempotencyKey.id == id, IdempotencyKey.created_at == found.created_at
        done = await db.execute(
            update(IdempotencyKey).where(*same, over).values(fresh),
            execution_options={"synchronize_session": False},
        )
    if not cast("CursorResult[Any]", done).rowcount:
        raise StillRunning("another request with this Idempotency-Key has just begun")
    return Attempt(id, started_at)


def _held(attempt: Attempt) -> ColumnElement[bool]:
    return (
        (IdempotencyKey.id == attempt.id)
        & (IdempotencyKey.created_at == attempt.started_at)
        & IdempotencyKey.status.is_(None)
    )
