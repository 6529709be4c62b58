"""`quartapp db`: bring the database up and down, and say how it is."""

from __future__ import annotations

import click

from quartapp.app import METADATA
from quartapp.cli.common import with_any_database, with_database
from quartapp.core.errors import Conflict
from quartapp.db import migrate
from quartapp.db.database import Database


@click.group()
def db() -> None:
    """Keep the tables of the database."""


@db.command()
def upgrade() -> None:
    """Bring the database to the newest revision; existing tables keep their rows.

    The tables of a tutorial's database are taken over. If something in them is in the way it is
    listed, and nothing is changed. Several of these at once wait for each other.
    """

    async def work(database: Database) -> tuple[str | None, str | None]:
        before = None
        if await database.exists():
            await database.check()
            before = await migrate.current(database)
        await migrate.upgrade(database)
        return before, await migrate.current(database)

    before, after = with_any_database(work, may_make=True)
    click.echo(f"{before or 'none'} -> {after}" if before != after else f"{after}: nothing to do")


@db.command()
@click.argument("revision", default="-1")
def downgrade(revision: str) -> None:
    """Bring the database down one step, or to REVISION (`base`: to before the first).

    Refused, with nothing changed, if it would drop a table that holds rows.
    """

    async def work(database: Database) -> tuple[str | None, str | None]:
        await database.check()
        before = await migrate.current(database)
        await migrate.downgrade(database, revision)
        return before, await migrate.current(database)

    before, after = with_any_database(work)
    click.echo(f"{before or 'none'} -> {after or 'none'}")


@db.command()
def current() -> None:
    """Print the revision that the database is at, or `none`."""

    async def work(database: Database) -> str | None:
        if not await database.exists():
            return None
        await database.check()
        return await migrate.current(database)

    click.echo(with_any_database(work, may_make=True) or "none")


@db.command()
def check() -> None:
    """Say whether the database is at the newest revision and its tables are as they should be."""

    async def work(database: Database) -> None:
        if found := await migrate.differences(database, METADATA):
            raise Conflict("the tables differ from what they should be:\n" + "\n".join(found))

    with_database(work)
    click.echo(f"{migrate.head()}: as it should be")
