"""The count of a house's changes: one row beside the tutorial's table, from the first change on."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.clock import now
from quartapp.houses.models import HouseRevision

SECOND = 2  # the version that the first change makes


async def count_up(db: AsyncSession, *, house_id: str) -> None:
    """Note a change, now. In one statement: a row that two look for in vain locks both out."""
    first = {"house_id": house_id, "version": SECOND, "updated_at": now()}
    later = {"version": HouseRevision.version + 1, "updated_at": first["updated_at"]}
    if db.get_bind().dialect.name == "sqlite":
        fresh = sqlite.insert(HouseRevision).values(first)
        key = [HouseRevision.house_id]
        await db.execute(fresh.on_conflict_do_update(index_elements=key, set_=later))
    else:
        await db.execute(mysql.insert(HouseRevision).values(first).on_duplicate_key_update(later))


async def forget(db: AsyncSession, *, house_id: str) -> None:
    """Remove the count of a house that is no more."""
    await db.execute(delete(HouseRevision).where(HouseRevision.house_id == house_id))
