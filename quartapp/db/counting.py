"""Counts that stay cheap however large a table gets: they go as far as anybody reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    bindparam,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.clock import now

COUNTED = 10_000  # rows


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; where `exact` is false at least that many: nobody counted further."""

    number: int
    exact: bool = True


async def how_many(db: AsyncSession, rows: Select[Any]) -> Count:
    """How many rows there are, counted as far as COUNTED."""
    found = await db.scalar(select(func.count()).select_from(rows.limit(COUNTED).subquery())) or 0
    return Count(found, exact=found < COUNTED)


class Daily:
    """Sums of one column for each day (UTC) on its own, so that each can end at COUNTED rows.

    `rows` selects the column, `at` is the time, which an index has.
    """

    def __init__(self, rows: Select[Any], *, at: ColumnElement[datetime]) -> None:
        self._rows = rows
        self._at = at
        # Putting so many parts together costs more than asking them.
        self._statements: dict[int, CompoundSelect[Any]] = {}

    async def since(self, db: AsyncSession, since: datetime, **values: Any) -> dict[date, Count]:
        """The sums from then on, days without rows left out. One statement, with a part a day."""
        first = since.date()
        length = (now().date() - first).days + 1
        statement = self._statements.get(length)
        if statement is None:
            statement = self._statements[length] = self._parts(length)
        starts = [datetime.combine(first + timedelta(n), time(), UTC) for n in range(length + 1)]
        values |= {f"day{n}": start for n, start in enumerate(starts)}
        values |= {"day0": since, "counted": COUNTED}
        return {
            first + timedelta(n): Count(int(total), exact=seen < COUNTED)
            for n, seen, total in await db.execute(statement, values)
            if seen
        }

    def _parts(self, length: int) -> CompoundSelect[Any]:
        parts = []
        for n in range(length):
            begin, end = (bindparam(f"day{day}", type_=self._at.type) for day in (n, n + 1))
            of_day = self._rows.where(self._at >= begin, self._at < end)
            some = of_day.limit(bindparam("counted", type_=Integer)).subquery()
            parts.append(select(literal(n), func.count(), func.sum(some.c[0])).select_from(some))
        return union_all(*parts)
