"""Houses as CSV.

As PostgreSQL writes it: an empty field is NULL, an empty text stands in quotes (`""`). Read line
by line, so that a file of any size needs little memory; what is wrong with a line is said with
its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from quartapp.core.errors import Invalid, Refusal
from quartapp.houses.lines import (
    RECORD_BYTES,
    BadLine,
    Row,
    bad_line,
    numbered,
    text_of,
)
from quartapp.houses.service import COLUMNS

HEADER = ",".join(COLUMNS) + "\n"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the start of one

_QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)("?)')
_TO_QUOTE = re.compile(r'^$|^\s|\s$|[",\r\n]')

Fields = list[str | None]


def record(values: Iterable[str | None]) -> str:
    """One record of a CSV file."""
    return ",".join(_written(value) for value in values) + "\n"


def disarmed(values: Iterable[str | None]) -> Iterator[str | None]:
    """The values with an apostrophe before what a spreadsheet would run as a formula."""
    for value in values:
        yield f"'{value}" if value and value.startswith(FORMULA) else value


def parse(lines: Iterable[bytes]) -> Iterator[Row | BadLine]:
    """The rows of a CSV file, each with the number of its line; empty lines count for nothing.

    A line that is no row comes out as BadLine. Raises Invalid if the header is another one.
    """
    records = _records(numbered(iter(lines)))
    header = next(records, None)
    columns = ",".join(COLUMNS)
    if header is None:
        why = Refusal(
            "empty", "the file is empty; its first line must be %(columns)s", columns=columns
        )
        raise Invalid(str(why), fields={"file": why})
    number, names = header
    if isinstance(names, Refusal):
        raise Invalid(f"line {number}: {names}", fields={"file": names})
    order = [name.strip() if name else "" for name in names]
    if sorted(order) != sorted(COLUMNS):
        why = Refusal("header", "the first line must be %(columns)s", columns=columns)
        raise Invalid(f"line {number}: must be {columns}", fields={"file": why})
    for number, fields in records:
        if isinstance(fields, Refusal):
            yield bad_line(number, fields)
        elif len(fields) != len(order):
            why = Refusal(
                "columns",
                "number of columns: %(found)d, not %(expected)d",
                found=len(fields),
                expected=len(order),
            )
            yield bad_line(number, why)
        else:
            values = dict(zip(order, fields, strict=True))
            yield Row(number, {name: values[name] for name in COLUMNS})


def _records(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, Fields | Refusal]]:
    """The records of a file, each with the number of its first line, or what is wrong with it."""
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
                result = Refusal("open-quote", "opens a quote that is not closed")
            else:
                result = _fields(b"".join(line for _, line in taken))
        if result:
            yield first[0], result


def _fields(data: bytes) -> Fields | Refusal | None:
    """The fields of one record; a Refusal if something is wrong with it, None if it goes on."""
    text = text_of(data)
    if isinstance(text, Refusal):
        return text
    if not text:
        return []
    if '"' not in text:
        return [part or None for part in text.split(",")]
    return _quoted_fields(text)


def _quoted_fields(text: str) -> Fields | Refusal | None:
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
            return Refusal("behind-quote", "has text behind a closing quote")
        start = end + 1


def _written(value: str | None) -> str:
    if value is None:
        return ""
    if _TO_QUOTE.search(value):
        return '"' + value.replace('"', '""') + '"'
    return value
