"""Many houses at once: files in and out, a batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.audit import service as audit
from quartapp.audit.service import Actor
from quartapp.core.errors import Conflict, Invalid, Refusal
from quartapp.db.text import key_of
from quartapp.houses import csv_lines, ndjson, search
from quartapp.houses.lines import BadLine, Row, bad_line
from quartapp.houses.models import House
from quartapp.houses.search import Search
from quartapp.houses.service import COLUMNS, refusals

BATCH = 500  # rows

Reading = Callable[[], AbstractAsyncContextManager[AsyncSession]]


@dataclass(frozen=True)
class Format:
    """How houses are written to a file."""

    media_type: str
    extension: str
    header: str
    record: Callable[[Iterable[str | None]], str]


FORMATS = {
    "csv": Format("text/csv; charset=utf-8", "csv", csv_lines.HEADER, csv_lines.record),
    # With the mark by which spreadsheets know UTF-8; what would be a formula is none any more.
    "spreadsheets": Format(
        "text/csv; charset=utf-8",
        "csv",
        "\ufeff" + csv_lines.HEADER,
        lambda values: csv_lines.record(csv_lines.disarmed(values)),
    ),
    "ndjson": Format("application/x-ndjson", "ndjson", "", ndjson.record),
}


@dataclass
class Imported:
    """What became of a file: how many houses came in, and how many lines were refused.

    `bad` holds the first of these, as many as were to be kept.
    """

    count: int = 0
    bad: list[BadLine] = field(default_factory=list)
    refused: int = 0


class BadLines(Invalid):
    """A file has lines that cannot be imported: `refused` in number, in `bad` those kept."""

    def __init__(self, bad: Sequence[BadLine], refused: int) -> None:
        super().__init__("; ".join(str(line) for line in bad))
        self.bad = bad
        self.refused = refused


async def load(
    db: AsyncSession,
    *,
    rows: Iterable[Row | BadLine],
    skip_bad: bool = False,
    keep: int | None = None,
    done: Callable[[int], object] = int,
    by: Actor,
) -> Imported:
    """Put the houses of a file into the table; `done` hears how many rows each batch had.

    `rows` are those of csv_lines.parse or ndjson.parse; they are read in a thread. Of the lines
    refused the first `keep` are kept, or all. Raises BadLines if a line cannot be imported and is
    not to be skipped, Invalid for a file with another header, Conflict if somebody adds one of its
    houses meanwhile.
    """
    imported = Imported()
    async for good, bad, count in checked(db, rows=rows):
        imported.refused += len(bad)
        imported.bad += bad if keep is None else bad[: keep - len(imported.bad)]
        if good and (skip_bad or not imported.refused):
            await _insert(db, [row.values for row in good])
            imported.count += len(good)
        done(count)
    if imported.refused and not skip_bad:
        raise BadLines(imported.bad, imported.refused)
    if imported.count:
        audit.record(db, by=by, action="house.imported", subject="", count=imported.count)
    return imported


async def checked(
    db: AsyncSession, *, rows: Iterable[Row | BadLine]
) -> AsyncIterator[tuple[list[Row], list[BadLine], int]]:
    """What of a file could be imported now, and what not, with the number of both, in batches."""
    key = key_of(db)
    seen: dict[str, int] = {}
    source = iter(rows)
    while batch := await asyncio.to_thread(_next_of, source):
        known = await _known(db, [row.values["id"] for row in batch if isinstance(row, Row)])
        good: list[Row] = []
        bad: list[BadLine] = []
        for item in batch:
            refused = item if isinstance(item, BadLine) else _refused(item, key, seen, known)
            if refused is not None:
                bad.append(refused)
            elif isinstance(item, Row):
                good.append(item)
        yield good, bad, len(batch)


async def dump(
    reading: Reading, *, format: Format, chosen: Search | None = None
) -> AsyncGenerator[list[str], None]:
    """The houses that a search finds, or all, as records that go below the format's header.

    Each batch is read in a transaction of its own, so that who takes them slowly holds no
    connection: a house that is changed meanwhile comes as it was before or as it is after.
    """
    wanted = chosen or Search()
    behind = None
    while True:
        async with reading() as db:
            houses = await search.batch(db, wanted, behind=behind, size=BATCH)
        if not houses:
            return
        yield [format.record(getattr(one, name) for name in COLUMNS) for one in houses]
        behind = search.place_of(wanted, houses[-1])


def _next_of(source: Iterator[Row | BadLine]) -> list[Row | BadLine]:
    return list(islice(source, BATCH))


def _refused(
    row: Row, key: Callable[[str], str], seen: dict[str, int], known: set[str]
) -> BadLine | None:
    id = row.values["id"]
    if not id:
        return BadLine(row.line, {"id": Refusal("empty", "is empty")})
    if refused := refusals(row.values):
        return BadLine(row.line, refused)
    if (first := seen.setdefault(key(id), row.line)) != row.line:
        twice = Refusal("twice", "id %(id)r stands on line %(line)d already", id=id, line=first)
        return bad_line(row.line, twice)
    if key(id) in known:
        return bad_line(row.line, Refusal("taken", "id %(id)r is in the table already", id=id))
    return None


async def _known(db: AsyncSession, ids: list[str | None]) -> set[str]:
    """The keys of those of the ids that are in the table."""
    fitting = [id for id in ids if id is not None and not refusals({"id": id})]
    if not fitting:
        return set()
    found = await db.scalars(select(House.id).where(House.id.in_(fitting)))
    return set(map(key_of(db), found))


async def _insert(db: AsyncSession, rows: list[dict[str, str | None]]) -> None:
    try:
        await db.execute(insert(House), rows)
    except IntegrityError:
        raise Conflict("houses of this file were added by somebody else meanwhile") from None
