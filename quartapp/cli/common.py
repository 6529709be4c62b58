"""What the commands share: settings and a database for a command, and failures in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from quartapp.core.errors import DomainError, NotReady
from quartapp.db import migrate
from quartapp.db.database import Database, reason
from quartapp.settings import Settings, SettingsError, load_settings

Result = TypeVar("Result")


class BadSettings(click.ClickException):
    """The settings cannot be used; status 2."""

    exit_code = 2


def read_settings() -> Settings:
    """The settings, or the end of the command with every bad value named."""
    try:
        return load_settings()
    except SettingsError as error:
        raise BadSettings(str(error)) from None


def with_database(
    work: Callable[[Database], Awaitable[Result]], *, settings: Settings | None = None
) -> Result:
    """Run `work` on the database of the settings, which must be migrated."""

    async def on_migrated(database: Database) -> Result:
        await database.check()
        at, head = await migrate.current(database), migrate.head()
        if at != head:
            raise NotReady(
                f"the database is at revision {at or 'none'}, this version needs {head}: "
                "run `quartapp db upgrade` first"
            )
        return await work(database)

    return with_any_database(on_migrated, settings=settings)


def with_any_database(
    work: Callable[[Database], Awaitable[Result]],
    *,
    settings: Settings | None = None,
    may_make: bool = False,
) -> Result:
    """Run `work` on the database of the settings, migrated or not.

    Whatever goes wrong ends the command with one line and status 1. A SQLite file that is not
    there is made only if it `may_make` one.
    """
    settings = settings or read_settings()

    async def run() -> Result:
        database = Database(settings.database)
        try:
            if not (may_make or await database.exists()):
                raise NotReady(
                    f"there is no {database.url.database} yet: `quartapp db upgrade` makes it"
                )
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except DomainError as error:
        raise click.ClickException(error.message) from None
    except (DBAPIError, PoolTimeout) as error:
        raise click.ClickException(f"the database refuses: {reason(error)}") from None
    except OSError as error:
        raise click.ClickException(explain(error)) from None


def explain(error: OSError) -> str:
    """What an error of the operating system says, with the file that it is about."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if error.filename else text
