"""The current application's database, and how it is asked and changed."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import cast

from quart import Quart, current_app
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from quartapp.db.database import Database

_KEY = "quartapp.database"


def use_database(app: Quart, database: Database) -> None:
    """Give an application its database."""
    app.extensions[_KEY] = database


def app_database(app: Quart) -> Database:
    """The database of an application."""
    return cast(Database, app.extensions[_KEY])


def database() -> Database:
    """The database of the current application."""
    return app_database(current_app)


def reading(
    *, snapshot: bool = True, statement_timeout: float | None = None
) -> AbstractAsyncContextManager[AsyncSession]:
    """A transaction that only reads; see Database.reading."""
    return database().reading(snapshot=snapshot, statement_timeout=statement_timeout)


def asking() -> AbstractAsyncContextManager[AsyncConnection]:
    """A connection for one question that rows answer; see Database.asking."""
    return database().asking()


def writing() -> AbstractAsyncContextManager[AsyncSession]:
    """A transaction that commits at the end of its block; see Database.writing."""
    return database().writing()
