"""CSV files of houses, in and out.

As PostgreSQL writes them: an empty field is NULL, an empty text stands in quotes (`""`). Read
line by line, so that a file of any size needs little memory; what is wrong with a line is said
with its number.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.core.errors import Conflict, Invalid
from quartapp.db.text import key_of
from quartapp.houses.models import House
from quartapp.houses.service import refusals

COLUMNS = ("id", "project_no", "project_name", "project_address")
HEADER = ",".join(COLUMNS) + "\n"
BATCH = 500  # rows
RECORD_BYTES = 16 * 1024  # far more than the longest row takes, were each letter a quote

_BOM = b"\xef\xbb\xbf"
_QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)("?)')
_TO_QUOTE = re.compile(r'^$|^\s|\s$|[",\r\n]')

Fields = list[str | None]


@dataclass(frozen=True)
class Row:
    """A house as a file has it; `line` is where it begins."""

    line: int
    values: dict[str, str | None]


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be imported, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass
class Imported:
    """What became of a file."""

    count: int = 0
    bad: list[BadLine] = field(default_factory=list)


class BadLines(Invalid):
    """A file has lines that cannot be imported; `bad` holds them all."""

    def __init__(self, bad: Sequence[BadLine]) -> None:
        super().__init__("; ".join(str(line) for line in bad))
        self.bad = bad


async def load(
    db: AsyncSession,
    *,
    lines: Iterable[bytes],
    skip_bad: bool = False,
    done: Callable[[int], object] = int,
) -> Imported:
    """Put the houses of a file into the table; `done` hears how many rows each batch had.

    Raises BadLines if a line cannot be imported and is not to be skipped, Invalid for a file with
    another header, Conflict if somebody adds one of its houses meanwhile.
    """
    key = key_of(db)
    imported = Imported()
    seen: dict[str, int] = {}
    for batch in _batches(parse(lines)):
        known = await _known(db, [row.values["id"] for row in batch if isinstance(row, Row)])
        rows = []
        for item in batch:
            bad = item if isinstance(item, BadLine) else _refused(item, key, seen, known)
            if bad is not None:
                imported.bad.append(bad)
            elif isinstance(item, Row):
                rows.append(item.values)
        if rows and (skip_bad or not imported.bad):
            await _insert(db, rows)
            imported.count += len(rows)
        done(len(batch))
    if imported.bad and not skip_bad:
        raise BadLines(imported.bad)
    return imported


async def dump(db: AsyncSession) -> AsyncIterator[list[str]]:
    """Every house by id as a record that goes below HEADER, some at a time; `load` reads them."""
    columns = [House.__table__.c[name] for name in COLUMNS]
    last: str | None = None
    while True:
        some = select(*columns).order_by(House.id).limit(BATCH)
        rows = (await db.execute(some if last is None else some.where(House.id > last))).all()
        if not rows:
            return
        yield [record(row) for row in rows]
        last = rows[-1].id


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one too long to be a record no more than shows that it is."""
    most = RECORD_BYTES + 1
    while piece := file.readline(most):
        yield piece
        while len(piece) == most and not piece.endswith(b"\n"):
            piece = file.readline(most)


def record(values: Iterable[str | None]) -> str:
    """One record of a CSV file."""
    return ",".join(_written(value) for value in values) + "\n"


def parse(lines: Iterable[bytes]) -> Iterator[Row | BadLine]:
    """The rows of a CSV file, each with the number of its line; empty lines count for nothing.

    A line that is no row comes out as BadLine. Raises Invalid if the header is another one.
    """
    records = _records(_numbered(lines))
    header = next(records, None)
    if header is None:
        raise Invalid("the file is empty; its first line must be " + ",".join(COLUMNS))
    number, names = header
    if isinstance(names, str):
        raise Invalid(f"line {number}: {names}")
    order = [name.strip() if name else "" for name in names]
    if sorted(order) != sorted(COLUMNS):
        raise Invalid(f"line {number}: must be " + ",".join(COLUMNS))
    for number, fields in records:
        if isinstance(fields, str):
            yield BadLine(number, fields)
        elif len(fields) != len(order):
            yield BadLine(number, f"number of columns: {len(fields)}, not {len(order)}")
        else:
            values = dict(zip(order, fields, strict=True))
            yield Row(number, {name: values[name] for name in COLUMNS})


def _refused(
    row: Row, key: Callable[[str], str], seen: dict[str, int], known: set[str]
) -> BadLine | None:
    id = row.values["id"]
    if not id:
        return BadLine(row.line, "id is empty")
    if refused := refusals(row.values):
        return BadLine(row.line, "; ".join(f"{name} {why}" for name, why in refused.items()))
    if (first := seen.setdefault(key(id), row.line)) != row.line:
        return BadLine(row.line, f"id {id!r} stands on line {first} already")
    if key(id) in known:
        return BadLine(row.line, f"id {id!r} is in the table already")
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


def _batches(items: Iterator[Row | BadLine]) -> Iterator[list[Row | BadLine]]:
    batch: list[Row | BadLine] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(lines, 1):
        yield number, line.removeprefix(_BOM) if number == 1 else line


def _records(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, Fields | str]]:
    """The records of a file with the number of the first line of each; a text is what is wrong."""
    waiting: list[tuple[int, bytes]] = []  # lines to be read again, the next one last
    while True:
        first = waiting.pop() if waiting else next(lines, None)
        if first is None:
            return
        taken = [first]
        size = len(first[1])
        result = _fields(first[1])
        while result is None:
            more = waiting.pop() if waiting else next(lines, None)
            if more is not None:
                taken.append(more)
                size += len(more[1])
            if more is None or size > RECORD_BYTES:
                # Else one stray quote would swallow all that follows.
                waiting += reversed(taken[1:])
                result = "opens a quote that is not closed"
            else:
                result = _fields(b"".join(line for _, line in taken))
        if result:
            yield first[0], result


def _fields(data: bytes) -> Fields | str | None:
    """The fields of one record; a text if something is wrong with it, None if it goes on."""
    if len(data) > RECORD_BYTES:
        return f"is longer than {RECORD_BYTES} bytes"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "is not UTF-8"
    text = text.removesuffix("\n").removesuffix("\r")
    if "\0" in text:
        return "holds a NUL character"
    if not text:
        return []
    if '"' not in text:
        return [part or None for part in text.split(",")]
    return _quoted_fields(text)


def _quoted_fields(text: str) -> Fields | str | None:
    fields: Fields = []
    start = 0
    while True:
        quoted = _QUOTED.match(text, start)
        if quoted is None:
            end = text.find(",", start)
            end = len(text) if end < 0 else end
            fields.append(text[start:end] or None)
        else:
            if not quoted[2]:
                return None
            end = quoted.end()
            fields.append(quoted[1].replace('""', '"'))
        if end == len(text):
            return fields
        if text[end] != ",":
            return "has text behind a closing quote"
        start = end + 1


def _written(value: str | None) -> str:
    if value is None:
        return ""
    if _TO_QUOTE.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value
