"""Texts compared alike on every database.

MySQL's utf8mb4_bin takes no notice of spaces at the end ('a' equals 'a '), SQLite does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

COLLATION = "utf8mb4_bin"


def exactly(
    db: AsyncSession, column: InstrumentedAttribute[Any], value: str
) -> ColumnElement[bool]:
    """The condition that a column holds exactly that text, its spaces at the end included."""
    same = column == value
    if not pads(db):
        return same
    return same & (func.char_length(column) == len(value))


def key_of(db: AsyncSession) -> Callable[[str], str]:
    """What two texts have in common that a unique index of this database holds equal."""
    return _without_padding if pads(db) else str


def pads(db: AsyncSession) -> bool:
    """Whether this database takes no notice of spaces at the end."""
    return db.get_bind().dialect.name != "sqlite"


def _without_padding(text: str) -> str:
    return text.rstrip(" ")
