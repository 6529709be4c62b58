"""Houses as NDJSON: a JSON object in each line, under the names of the API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from quartapp.core.errors import Refusal
from quartapp.houses.lines import WHOLE, BadLine, Row, numbered, text_of
from quartapp.houses.service import COLUMNS

NAMES = dict(zip(("id", "projectNo", "projectName", "projectAddress"), COLUMNS, strict=True))


def record(values: Iterable[str | None]) -> str:
    """One line: the columns' values under their names."""
    return json.dumps(dict(zip(NAMES, values, strict=True)), ensure_ascii=False) + "\n"


def parse(lines: Iterable[bytes]) -> Iterator[Row | BadLine]:
    """The rows of a file, each with the number of its line; empty lines count for nothing.

    A name that is left out is NULL. A line that is no row comes out as BadLine.
    """
    for number, line in numbered(iter(lines)):
        text = text_of(line)
        if text == "":
            continue
        found = _object(text) if isinstance(text, str) else text
        if isinstance(found, Refusal):
            yield BadLine(number, {WHOLE: found})
        elif wrong := _wrong(found):
            yield BadLine(number, wrong)
        else:
            yield Row(number, {column: found.get(name) for name, column in NAMES.items()})


def _object(text: str) -> dict[str, Any] | Refusal:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Refusal("json", "is not JSON")
    return found if isinstance(found, dict) else Refusal("object", "is not a JSON object")


def _wrong(found: dict[str, Any]) -> dict[str, Refusal]:
    wrong = {}
    for name, value in found.items():
        if name not in NAMES:
            known = ", ".join(NAMES)
            wrong[WHOLE] = Refusal(
                "unknown-name", "has a name that is none of %(known)s", known=known
            )
        elif not isinstance(value, str | None):
            wrong[NAMES[name]] = Refusal("type", "must be a text or null")
    return wrong
