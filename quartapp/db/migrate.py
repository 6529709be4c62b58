"""Migrations, run by alembic on a connection of the Database; see migrations/ for the steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from quartapp.db.database import Database

SCRIPTS = Path(__file__).with_name("migrations")

Result = TypeVar("Result")


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database up to a revision, under a lock of that database."""
    await _on(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Bring the database down to a revision, or `base`."""
    await _on(database, lambda config: command.downgrade(config, revision))


async def current(database: Database) -> str | None:
    """The revision that the database is at; None for one that was never migrated."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


async def differences(database: Database, metadata: MetaData) -> list[str]:
    """What in the database differs from the models, a line each."""
    async with database.engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), metadata
            )
        )
    return [repr(difference) for difference in found]


def head() -> str | None:
    """The newest revision there is."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


async def _on(database: Database, step: Callable[[Config], None]) -> None:
    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        step(config)

    async with database.engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
