"""Writing down a change, and reading the latest."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from quartapp.audit.models import AuditEntry
from quartapp.core.clock import now
from quartapp.db.counting import Count, Daily

_DAILY = Daily(
    select(AuditEntry.count).where(AuditEntry.action.in_(bindparam("actions", expanding=True))),
    at=AuditEntry.__table__.c.at,
)
RECENT = 1000  # changes: among more of other things nobody looks for those asked for


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: an account, or a program with a name and no id."""

    id: int | None
    name: str


def record(
    db: AsyncSession,
    *,
    by: Actor,
    action: str,
    subject: str,
    count: int = 1,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down a change in the transaction that makes it.

    `action` names thing and verb ("house.created"), `subject` is the thing's id, `count` how
    many there were. `detail` is JSON: for a change of fields, each with its old and new value.
    """
    db.add(
        AuditEntry(
            at=now(),
            actor_id=by.id,
            actor=by.name,
            action=action,
            subject=subject,
            count=count,
            detail=json.dumps(dict(detail or {}), ensure_ascii=False),
        )
    )


async def latest(db: AsyncSession, *, limit: int, of: Collection[str] = ()) -> Sequence[AuditEntry]:
    """The latest changes, the newest first; of the last RECENT those `of` some things alone.

    Such things are {"house", "file"}.
    """
    newest_first = select(AuditEntry).order_by(AuditEntry.id.desc())
    if not of:
        return (await db.scalars(newest_first.limit(limit))).all()
    recent = aliased(AuditEntry, newest_first.limit(RECENT).subquery())
    of_them = or_(*(recent.action.startswith(f"{thing}.") for thing in of))
    chosen = select(recent).where(of_them).order_by(recent.id.desc())
    return (await db.scalars(chosen.limit(limit))).all()


async def counts_by_day(
    db: AsyncSession, *, actions: Collection[str], since: datetime
) -> dict[date, Count]:
    """How many things were changed so on each day (UTC) since then; days without are left out."""
    return await _DAILY.since(db, since, actions=list(actions))


async def history(
    db: AsyncSession, *, action: str, subject: str, limit: int
) -> Sequence[AuditEntry]:
    """The latest changes of one thing, the newest first; `action` is their first part: "house"."""
    of_it = AuditEntry.subject == subject, AuditEntry.action.startswith(f"{action}.")
    newest_first = AuditEntry.id.desc()
    return (
        await db.scalars(select(AuditEntry).where(*of_it).order_by(newest_first).limit(limit))
    ).all()
