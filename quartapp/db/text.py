"""Texts compared alike on every database.

MySQL's utf8mb4_bin takes no notice of spaces at the end ('a' equals 'a '), SQLite does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

COLLATION = "utf8mb4_bin"
SURROGATES, AFTER_SURROGATES = 0xD800, 0xE000  # code points between these are no characters


def exactly(
    db: AsyncSession | AsyncConnection,
    column: InstrumentedAttribute[Any] | Column[Any],
    value: str,
) -> ColumnElement[bool]:
    """The condition that a column holds exactly that text, its spaces at the end included."""
    same = column == value
    if not pads(db):
        return same
    return same & (func.char_length(column) == len(value))


def begins(db: AsyncSession, column: InstrumentedAttribute[Any], value: str) -> ColumnElement[bool]:
    """The condition that a column begins with that text, to the letter; an index answers it."""
    padded = pads(db)
    # LIKE will not do: SQLite's takes letters of either case, which an index cannot, and MariaDB
    # overlooks in an index what goes on with a character below the space that it pads with.
    below_all = "\0" if padded else ""
    condition = column >= value + below_all
    if (following := _following(value)) is not None:
        condition &= column < following + below_all
    if padded:
        condition &= func.left(column, len(value)).startswith(value, autoescape=True)
    return condition


def contains(
    db: AsyncSession, column: InstrumentedAttribute[Any], value: str
) -> ColumnElement[bool]:
    """The condition that a column holds that text, in letters of either case.

    SQLite knows the two cases of ASCII alone. Every row is looked at.
    """
    if pads(db):
        return column.icontains(value, autoescape=True)
    return column.contains(value, autoescape=True)


def key_of(db: AsyncSession) -> Callable[[str], str]:
    """What two texts have in common that a unique index of this database holds equal."""
    return _without_padding if pads(db) else str


def pads(db: AsyncSession | AsyncConnection) -> bool:
    """Whether this database takes no notice of spaces at the end."""
    bound = db if isinstance(db, AsyncConnection) else db.get_bind()
    return bound.dialect.name != "sqlite"


def _following(prefix: str) -> str | None:
    """The first text behind all those that begin with `prefix`; None if there is none."""
    kept = prefix.rstrip(chr(sys.maxunicode))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(AFTER_SURROGATES if following == SURROGATES else following)


def _without_padding(text: str) -> str:
    return text.rstrip(" ")
