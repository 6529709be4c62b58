"""What can be done with the files of a house.

The storage is asked outside of transactions: a file is there before its row, and goes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid6 import uuid7

from quartapp.audit import service as audit
from quartapp.audit.service import Actor
from quartapp.core.clock import now
from quartapp.core.errors import NotFound
from quartapp.core.text import is_storable
from quartapp.db.counting import Count, how_many
from quartapp.db.database import Database
from quartapp.db.text import exactly
from quartapp.files.incoming import StoredFile, thumbnail_key
from quartapp.files.models import HouseFile
from quartapp.files.storage import ABANDONED, Storage


async def add(
    db: AsyncSession, *, house_id: str, stored: Iterable[StoredFile], by: Actor
) -> list[HouseFile]:
    """Rows for files that the storage has whole.

    The caller makes sure in the same transaction that the house stays: it holds its row.
    """
    rows = [_row(file, house_id, by) for file in stored]
    db.add_all(rows)
    for row in rows:
        detail = {"id": row.id, "name": row.name, "size": row.size}
        audit.record(db, by=by, action="file.added", subject=house_id, detail=detail)
    await db.flush()
    return rows


async def listing(
    db: AsyncSession, *, house_id: str, size: int, before: str = ""
) -> tuple[Sequence[HouseFile], bool]:
    """The latest files of a house, and whether there are more; `before` is the id to go on from."""
    chosen = select(HouseFile).where(exactly(db, HouseFile.house_id, house_id))
    if before:
        chosen = chosen.where(HouseFile.id < before)
    rows = (await db.scalars(chosen.order_by(HouseFile.id.desc()).limit(size + 1))).all()
    return rows[:size], len(rows) > size


async def count(db: AsyncSession, *, house_id: str) -> int:
    """How many files a house has."""
    chosen = select(func.count()).where(exactly(db, HouseFile.house_id, house_id))
    return await db.scalar(chosen) or 0


async def total(db: AsyncSession) -> Count:
    """How many files there are."""
    return await how_many(db, select(HouseFile.id))


async def get(db: AsyncSession, *, house_id: str, id: str, for_update: bool = False) -> HouseFile:
    """The file of that house and id. Raises NotFound."""
    file = None
    if is_storable(id):
        one = select(HouseFile).where(HouseFile.id == id)
        file = await db.scalar(one.with_for_update() if for_update else one)
    if file is None or (file.house_id, file.id) != (house_id, id):
        raise NotFound(f"the house {house_id!r} has no file {id!r}")
    return file


async def remove(db: AsyncSession, *, house_id: str, id: str, by: Actor) -> list[str]:
    """Remove a file's row; the keys to remove from the storage after that. Raises NotFound."""
    file = await get(db, house_id=house_id, id=id, for_update=True)
    await db.delete(file)
    detail = {"id": file.id, "name": file.name, "size": file.size}
    audit.record(db, by=by, action="file.removed", subject=house_id, detail=detail)
    return keys_of([file.key])


async def remove_all(db: AsyncSession, *, house_id: str, by: Actor) -> list[str]:
    """Remove the rows of a house's files; the keys to remove from the storage after that."""
    of_house = exactly(db, HouseFile.house_id, house_id)
    keys = (await db.scalars(select(HouseFile.key).where(of_house).with_for_update())).all()
    if keys:
        await db.execute(delete(HouseFile).where(of_house))
        audit.record(db, by=by, action="file.removed", subject=house_id, count=len(keys))
    return keys_of(keys)


def keys_of(keys: Iterable[str]) -> list[str]:
    """Everything that the storage may have for files under these keys."""
    return [each for key in keys for each in (key, thumbnail_key(key))]


@dataclass
class Swept:
    """What a sweep did and found: `lost` are keys of rows whose file is not there."""

    drafts: int = 0
    orphans: int = 0
    lost: list[str] = field(default_factory=list)


async def sweep(database: Database, storage: Storage) -> Swept:
    """Remove what the storage has without a row for a day or longer, and find rows without a file.

    Goes through the keys by their first two digits, so that it never holds many of them.
    """
    swept = Swept(drafts=await storage.clear())
    began = now()
    for number in range(256):
        beginning = f"{number:02x}"
        entries = await storage.keys(beginning)
        async with database.reading() as db:
            rows = await _rows(db, beginning)
        orphans = [e.key for e in entries if e.age > ABANDONED and e.key[:32] not in rows]
        await storage.remove(orphans)
        swept.orphans += len(orphans)
        there = {entry.key for entry in entries}
        swept.lost += [key for key, made in rows.items() if made < began and key not in there]
    return swept


async def _rows(db: AsyncSession, beginning: str) -> dict[str, datetime]:
    """When the rows were made whose keys have that beginning."""
    of_these = HouseFile.key.between(beginning, f"{beginning}g")  # keys have no `g`
    found = await db.execute(select(HouseFile.key, HouseFile.created_at).where(of_these))
    return {key: made for key, made in found}


def _row(file: StoredFile, house_id: str, by: Actor) -> HouseFile:
    return HouseFile(
        id=uuid7().hex,
        house_id=house_id,
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        key=file.key,
        has_thumbnail=file.has_thumbnail,
        created_at=now(),
        created_by=by.name,
    )
