"""What can be done with houses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, func, select
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.errors import Conflict, Invalid, NotFound, Refusal
from quartapp.core.paging import Page
from quartapp.core.text import is_storable
from quartapp.db.text import exactly
from quartapp.houses.models import House

LENGTHS = {
    name: House.__table__.c[name].type.length  # type: ignore[attr-defined]
    for name in ("id", "project_no", "project_name", "project_address")
}


async def create(
    db: AsyncSession,
    *,
    id: str,
    project_no: str | None,
    project_name: str | None,
    project_address: str | None,
) -> House:
    """A new house. Raises Invalid if a value does not fit its column, Conflict if the id exists."""
    values = {
        "id": id,
        "project_no": project_no,
        "project_name": project_name,
        "project_address": project_address,
    }
    if refused := refusals(values):
        raise Invalid("; ".join(f"{n} {why}" for n, why in refused.items()), fields=refused)
    house = House(**values)
    db.add(house)
    try:
        await db.flush()
    except IntegrityError:
        raise Conflict(f"there is a house {id!r} already") from None
    return house


async def get(db: AsyncSession, *, id: str) -> House:
    """The house of that id. Raises NotFound."""
    house = await db.get(House, id) if is_storable(id) else None
    if house is None or house.id != id:  # MySQL takes no notice of spaces at the end
        raise NotFound(f"there is no house {id!r}")
    return house


async def delete(db: AsyncSession, *, id: str) -> None:
    """Remove the house of that id. Raises NotFound."""
    missing = NotFound(f"there is no house {id!r}")
    if not is_storable(id):
        raise missing
    done = await db.execute(delete_from(House).where(exactly(db, House.id, id)))
    if not cast("CursorResult[Any]", done).rowcount:
        raise missing


async def ids(db: AsyncSession) -> Sequence[str]:
    """The id of every house, in order."""
    return (await db.scalars(select(House.id).order_by(House.id))).all()


async def page(
    db: AsyncSession, *, number: int, size: int, project_name: str | None = None
) -> Page[House]:
    """One page of the houses by id, of all or of those with exactly that name.

    `number` and `size` are at least 1 and have no upper limit; past the end a page is empty.
    """
    chosen = select(House)
    if project_name is not None:
        if refusals({"project_name": project_name}):
            return Page(items=[], number=number, size=size, total=0)
        chosen = chosen.where(exactly(db, House.project_name, project_name))
    total = await db.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    offset = (number - 1) * size
    if offset >= total:
        return Page(items=[], number=number, size=size, total=total)
    rows = chosen.order_by(House.id).limit(min(size, total)).offset(offset)
    return Page(items=(await db.scalars(rows)).all(), number=number, size=size, total=total)


def refusals(values: dict[str, str | None]) -> dict[str, Refusal]:
    """Why the table cannot hold these values, by the names of its columns; empty if it can."""
    found: dict[str, Refusal] = {}
    for name, value in values.items():
        if value is None:
            if name == "id":
                found[name] = Refusal("missing", "is missing")
        elif name == "id" and not value:
            found[name] = Refusal("empty", "is empty")
        elif len(value) > LENGTHS[name]:
            found[name] = Refusal(
                "too-long", "is longer than %(limit)d characters", limit=LENGTHS[name]
            )
        elif "\0" in value:
            found[name] = Refusal("nul", "holds a NUL character")
        elif not is_storable(value):
            found[name] = Refusal("no-text", "holds characters that are no text")
    return found
