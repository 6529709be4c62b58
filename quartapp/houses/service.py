"""What can be done with houses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    String,
    Table,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy import delete as delete_from
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import undefer
from uuid6 import uuid7

from quartapp.audit import service as audit
from quartapp.audit.service import Actor
from quartapp.core.errors import Changed, Conflict, Invalid, NotFound, Refusal
from quartapp.core.paging import Page
from quartapp.core.text import is_storable
from quartapp.db.counting import Count, how_many
from quartapp.db.text import exactly
from quartapp.houses import revisions
from quartapp.houses.models import House

COLUMNS = ("id", "project_no", "project_name", "project_address")
CHANGEABLE = COLUMNS[1:]
_TABLE = cast(Table, House.__table__)
LENGTHS = {name: cast(String, _TABLE.c[name].type).length or 0 for name in COLUMNS}

LARGEST = 2**63 - 1  # that a database takes for a number of rows


def _page(*wanted: ColumnElement[bool]) -> Select[Any]:
    """So many houses by id, and beside each how many there are in all.

    Of the table and not of the class: rows are all that is wanted, and objects cost more than they.
    """
    total = select(func.count()).select_from(_TABLE).where(*wanted)
    return (
        select(*(_TABLE.c[name] for name in COLUMNS), total.scalar_subquery().label("total"))
        .where(*wanted)
        .order_by(_TABLE.c.id)
        .limit(bindparam("size", type_=BigInteger))
        .offset(bindparam("offset", type_=BigInteger))
    )


_PAGE = _page()  # made once: that takes longer than to ask for it


async def create(
    db: AsyncSession,
    *,
    id: str | None = None,
    project_no: str | None,
    project_name: str | None,
    project_address: str | None,
    by: Actor,
) -> House:
    """A new house; without an `id` it gets one that sorts behind those made before.

    Raises Invalid if a value does not fit its column, Conflict if the id exists; the session can
    be used after both.
    """
    values = {
        "id": str(uuid7()) if id is None else id,
        "project_no": project_no,
        "project_name": project_name,
        "project_address": project_address,
    }
    _check(values)
    taken = Refusal("taken", "is taken: there is such a house already")
    try:
        async with db.begin_nested():
            await db.execute(insert(House), values)
    except IntegrityError:
        message = f"there is a house {values['id']!r} already"
        raise Conflict(message, fields={"id": taken}) from None
    given = {name: [None, value] for name, value in values.items() if value is not None}
    del given["id"]
    audit.record(db, by=by, action="house.created", subject=str(values["id"]), detail=given)
    return await get(db, id=str(values["id"]))


async def get(db: AsyncSession, *, id: str, for_update: bool = False) -> House:
    """The house of that id, with its version and when it was changed. Raises NotFound.

    With `for_update` nobody else changes it before the transaction ends. Then ask for it before
    anything else is read: MySQL shows a transaction the versions of its first question.
    """
    house = None
    if is_storable(id):
        one = select(House).where(House.id == id).execution_options(populate_existing=True)
        if for_update:
            house = await db.scalar(one.with_for_update())
        else:
            house = await db.scalar(one.options(undefer(House.version), undefer(House.updated_at)))
    if house is None or house.id != id:  # MySQL takes no notice of spaces at the end
        raise _missing(id)
    if for_update:
        await db.refresh(house, ["version", "updated_at"])
    return house


async def update(
    db: AsyncSession,
    *,
    id: str,
    changes: Mapping[str, str | None],
    expected: str | None = None,
    by: Actor,
) -> House:
    """Change fields of a house, named as its columns; one that is not named stays as it is.

    `expected` is the fingerprint of what the caller has seen, None for one who takes any. Where
    nothing differs nothing is written. Raises NotFound, Invalid, or Changed if it is another.
    """
    _check(changes)
    house = await get(db, id=id, for_update=True)
    _compare(house, expected)
    old = {name: getattr(house, name) for name in CHANGEABLE}
    differing = {
        n: [old[n], changes[n]] for n in CHANGEABLE if n in changes and changes[n] != old[n]
    }
    if not differing:
        return house
    for name, (_, value) in differing.items():
        setattr(house, name, value)
    await db.flush()
    await revisions.count_up(db, house_id=id)
    audit.record(db, by=by, action="house.changed", subject=id, detail=differing)
    await db.refresh(house, ["version", "updated_at"])
    return house


async def delete(db: AsyncSession, *, id: str, expected: str | None = None, by: Actor) -> None:
    """Remove the house of that id. Raises NotFound, or Changed if it is not as `expected`."""
    house = await get(db, id=id, for_update=True)
    _compare(house, expected)
    was = {name: getattr(house, name) for name in CHANGEABLE}
    await db.execute(delete_from(House).where(House.id == id))
    if house.updated_at is not None:
        await revisions.forget(db, house_id=id)
    db.expunge(house)
    gone = {name: [value, None] for name, value in was.items() if value is not None}
    audit.record(db, by=by, action="house.deleted", subject=id, detail=gone)


def fingerprint(house: House) -> str:
    """A short text that is another one after each change of the house."""
    seen = [house.version, *(getattr(house, name) for name in COLUMNS)]
    return hashlib.blake2b(json.dumps(seen).encode(), digest_size=12).hexdigest()


async def total(db: AsyncSession) -> Count:
    """How many houses there are."""
    return await how_many(db, select(House.id))


async def ids(db: AsyncSession) -> Sequence[str]:
    """The id of every house, in order."""
    return (await db.scalars(select(House.id).order_by(House.id))).all()


async def page(
    db: AsyncConnection, *, number: int, size: int, project_name: str | None = None
) -> Page[Row[Any]]:
    """One page of the houses by id, of all or of those with exactly that name: rows of COLUMNS.

    `number` and `size` are at least 1 and have no upper limit; past the end a page is empty.
    """
    offset = (number - 1) * size
    asked = {"size": min(size, LARGEST), "offset": min(offset, LARGEST)}
    page = _PAGE
    if project_name is not None:
        if refusals({"project_name": project_name}):
            return Page(items=[], number=number, size=size, total=0)
        page = _page(exactly(db, _TABLE.c.project_name, project_name))
    rows = (await db.execute(page, asked)).all()
    if rows or not offset:
        total = rows[0].total if rows else 0
    else:
        first = (await db.execute(page, {"size": 1, "offset": 0})).first()
        total = first.total if first else 0
    return Page(items=rows, number=number, size=size, total=total)


def refusals(values: Mapping[str, str | None]) -> dict[str, Refusal]:
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


def _check(values: Mapping[str, Any]) -> None:
    if refused := refusals(values):
        raise Invalid("; ".join(f"{n} {why}" for n, why in refused.items()), fields=refused)


def _compare(house: House, expected: str | None) -> None:
    if expected is not None and expected != fingerprint(house):
        raise Changed(f"the house {house.id!r} was changed meanwhile", current=house)


def _missing(id: str) -> NotFound:
    return NotFound(f"there is no house {id!r}")
