"""Finding houses: by a text, in an order, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, select, union, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from quartapp.core import cursors
from quartapp.core.cursors import Place
from quartapp.core.errors import Invalid, Refusal
from quartapp.core.paging import Page, Slice
from quartapp.db.text import begins, contains, exactly
from quartapp.houses.models import House
from quartapp.houses.service import COLUMNS, refusals

CONDITIONS = {"contains": contains, "prefix": begins, "exact": exactly}
COUNTED = 10_000  # rows: nobody needs to know more exactly, and each one costs
FARTHEST = 2**31  # rows: no table is larger, and no database takes any offset
SECONDS = 2.0  # that a search may take; see Database.reading

Ids = Select[str]


@dataclass(frozen=True)
class Search:
    """Which houses, and in which order. Raises Invalid for a text that no house can have.

    `text` is looked for in every column: anywhere, in letters of either case ("contains"), or to
    the letter at the start ("prefix") or as the whole ("exact"), which indexes find. `name` is
    the whole name of the project. Houses without a value come first, or last if descending.
    """

    text: str = ""
    match: str = "contains"
    name: str | None = None
    sort: str = "id"
    descending: bool = False

    def __post_init__(self) -> None:
        fields: dict[str, Refusal] = {}
        for field, text in (("text", self.text), ("name", self.name)):
            for why in refusals({"project_name": text}).values():
                fields[field] = why
        for field, value, known in (
            ("match", self.match, CONDITIONS),
            ("sort", self.sort, COLUMNS),
        ):
            if value not in known:
                choice = ", ".join(known)
                fields[field] = Refusal("choice", "must be one of %(choice)s", choice=choice)
        if fields:
            raise Invalid("; ".join(f"{n} {why}" for n, why in fields.items()), fields=fields)

    @property
    def order(self) -> str:
        """The order as a text: the column, behind a minus if descending."""
        return f"-{self.sort}" if self.descending else self.sort

    @property
    def is_indexed(self) -> bool:
        """Whether indexes find the text."""
        return bool(self.text) and self.match != "contains"


@dataclass(frozen=True)
class _Found:
    """What a search finds: its ids, to be put in order, and how many there are."""

    ids: Ids
    total: int
    exact: bool


async def page(db: AsyncSession, search: Search, *, number: int, size: int) -> Page[House]:
    """One page of what is found; past the end it is empty. Two statements.

    `number` and `size` are at least 1 and have no upper limit. What a page costs grows with its
    number, for the ids before it are walked along; `after` does not.
    """
    found = await _look(db, search)
    offset = (number - 1) * size
    items: Sequence[House] = []
    if offset < (found.total if found.exact else FARTHEST):
        cut = _in_order(found.ids, search).limit(min(size, FARTHEST)).offset(offset)
        items = (await db.scalars(_rows(cut, search))).all()
    return Page(items=items, number=number, size=size, total=found.total, exact=found.exact)


async def after(
    db: AsyncSession, search: Search, *, cursor: str | None = None, size: int
) -> Slice[House]:
    """The houses behind a cursor, or the first. As fast anywhere in the list. Two statements.

    Raises Invalid for a cursor that is none, or one of another order.
    """
    return await _slice(db, search, cursor=cursor, size=size, backward=False)


async def before(
    db: AsyncSession, search: Search, *, cursor: str | None = None, size: int
) -> Slice[House]:
    """The houses in front of a cursor, or the last, in the search's order; else as `after`."""
    return await _slice(db, search, cursor=cursor, size=size, backward=True)


async def batch(
    db: AsyncSession, search: Search, *, behind: Place | None, size: int
) -> Sequence[House]:
    """The next `size` houses behind a place, or the first ones: for who wants them all."""
    ids = _by_looking(db, search)
    return (await db.scalars(_rows(_cut(ids, search, behind, size), search))).all()


def place_of(search: Search, house: House) -> Place:
    """Where a house stands in the order of a search."""
    return Place(getattr(house, search.sort), house.id)


def cursor_of(search: Search, house: House) -> str:
    """The cursor of a house in the order of a search."""
    return cursors.written(search.order, place_of(search, house))


async def _slice(
    db: AsyncSession, search: Search, *, cursor: str | None, size: int, backward: bool
) -> Slice[House]:
    place = None if cursor is None else cursors.read(search.order, cursor)
    found = await _look(db, search)
    cut = _cut(found.ids, search, place, size + 1, backward=backward)
    return Slice.of(
        (await db.scalars(_rows(cut, search, backward=backward))).all(),
        size=size,
        total=found.total,
        exact=found.exact,
        cursor=cursor,
        cursor_of=partial(cursor_of, search),
        backward=backward,
    )


async def _look(db: AsyncSession, search: Search) -> _Found:
    """Count what is found, as far as COUNTED, and say how best to go through it.

    Few hits of an index are put in order; where there are many, the order is gone through until
    a page is full.
    """
    ids = _by_looking(db, search)
    hits: Any = ids.limit(COUNTED + 1).subquery()
    if search.is_indexed:
        each = [
            _named(db, search).where(one).limit(COUNTED + 1).subquery()
            for one in _alternatives(db, search)
        ]
        hits = union(*(select(some.c.id) for some in each)).subquery()
    count = await db.scalar(select(func.count()).select_from(hits)) or 0
    if count > COUNTED:
        return _Found(ids, COUNTED, exact=False)
    if search.is_indexed:
        ids = select(House.id).join(hits, hits.c.id == House.id)
    return _Found(ids, count, exact=True)


def _by_looking(db: AsyncSession, search: Search) -> Ids:
    """The ids found, without the help of an index on what is looked for."""
    ids = _named(db, search)
    if not search.text:
        return ids
    # A database would sort all that its indexes find; inside a function it cannot use them.
    return ids.where(func.coalesce(or_(*_alternatives(db, search)), false()))


def _named(db: AsyncSession, search: Search) -> Ids:
    ids = select(House.id)
    if search.name is None:
        return ids
    return ids.where(exactly(db, House.project_name, search.name))


def _alternatives(db: AsyncSession, search: Search) -> list[ColumnElement[bool]]:
    condition = CONDITIONS[search.match]
    return [condition(db, getattr(House, column), search.text) for column in COLUMNS]


def _cut(
    ids: Ids, search: Search, place: Place | None, size: int, *, backward: bool = False
) -> Select[Any]:
    """The first ids behind a place: each part from where an index has it, however far that is."""
    if place is None:
        return _in_order(ids, search, backward=backward).limit(size)
    column = getattr(House, search.sort)
    alike, *rest = _behind(column, place, descending=search.descending != backward)
    firsts = [_among_alike(ids.where(alike), search, backward=backward)]
    firsts += [_in_order(ids.where(part), search, backward=backward) for part in rest]
    parts = [some.limit(size).subquery() for some in firsts]
    together = union_all(*(select(part.c.id, part.c.value) for part in parts)).subquery()
    ordered = _order(together.c.value, together.c.id, search, backward=backward)
    return select(together.c.id, together.c.value).order_by(*ordered).limit(size)


def _behind(
    column: InstrumentedAttribute[Any], place: Place, *, descending: bool
) -> list[ColumnElement[bool]]:
    """What stands behind a place, in parts that have no house in common; first what is alike."""
    id_behind = House.id < place.id if descending else House.id > place.id
    if column is House.id:
        return [id_behind]
    if place.value is None:
        alike = column.is_(None) & id_behind
        return [alike] if descending else [alike, column.is_not(None)]
    alike = (column == place.value) & id_behind
    if descending:
        return [alike, column < place.value, column.is_(None)]
    return [alike, column > place.value]


def _among_alike(ids: Ids, search: Search, *, backward: bool) -> Select[Any]:
    """Those of one value, in order of their ids.

    MariaDB would go through all that are alike, and sort them, to find the few behind an id.
    """
    in_order = _in_order(ids, search, backward=backward).order_by(None)
    in_order = in_order.order_by(*_order(House.id, House.id, search, backward=backward)[-1:])
    if search.sort == "id" or search.is_indexed or search.name is not None:
        return in_order
    return in_order.with_hint(House, f"FORCE INDEX (ix_base_house_{search.sort}_id)", "mysql")


def _in_order(ids: Ids, search: Search, *, backward: bool = False) -> Select[Any]:
    column = getattr(House, search.sort)
    with_value = ids.add_columns(column.label("value"))
    return with_value.order_by(*_order(column, House.id, search, backward=backward))


def _order(value: Any, id: Any, search: Search, *, backward: bool) -> list[ColumnElement[Any]]:
    columns = [id] if search.sort == "id" else [value, id]
    return [each.desc() if search.descending != backward else each.asc() for each in columns]


def _rows(cut: Select[Any], search: Search, *, backward: bool = False) -> Select[House]:
    """The houses of some ids in their order, which are found before the rows are read."""
    chosen = cut.subquery()
    ordered = _order(chosen.c.value, chosen.c.id, search, backward=backward)
    return select(House).join(chosen, chosen.c.id == House.id).order_by(*ordered)
