"""Migrations, run by alembic on a connection of the Database; see migrations/ for the steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, inspect

from quartapp.core.errors import CannotAdopt, Invalid
from quartapp.db import migration_lock
from quartapp.db.database import Database
from quartapp.db.engine import MEMORY
from quartapp.db.text import COLLATION

SCRIPTS = Path(__file__).with_name("migrations")
# Where alembic keeps at which revision a database is: a table of our own, because a Flask program
# with Flask-Migrate on the same database has one by alembic's own name.
VERSIONS = "quartapp_version"

Result = TypeVar("Result")

# alembic keeps the context of a migration in the module, so one process runs one at a time,
# whatever its databases, event loops and threads.
_alembic = threading.Lock()


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database up to a revision, under a lock of that database.

    Raises CannotAdopt if tables exist that cannot be taken over, NotReady if the lock is not to
    be had, Invalid if there is no such revision; nothing is changed then.
    """
    if database.url.get_backend_name() == "sqlite" and database.url.database not in MEMORY:
        folder = Path(str(database.url.database)).parent
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
    await _run(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Bring the database down to a revision, or `base`, or `-1`: one step.

    Raises Conflict if rows would be lost, and what `upgrade` raises.
    """

    def down(config: Config) -> None:
        _refuse_first(config, revision)
        command.downgrade(config, revision)

    await _run(database, down)


async def current(database: Database) -> str | None:
    """The revision that the database is at; None for one that was never migrated."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: _context(sync).get_current_revision())


async def differences(database: Database, metadata: MetaData) -> list[str]:
    """What in the database differs from the models, a line each.

    What other programs keep there besides, tables and columns that need no value, is theirs.
    """

    def compare(connection: Connection) -> list[str]:
        context = _context(connection, compare_type=True, include_object=_ours)
        return [repr(difference) for difference in compare_metadata(context, metadata)]

    async with database.engine.connect() as connection:
        found = await connection.run_sync(compare)
        return found + await connection.run_sync(_other_collations, metadata)


def head() -> str | None:
    """The newest revision there is."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


def _context(connection: Connection, **options: Any) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"version_table": VERSIONS} | options)


async def _run(database: Database, step: Callable[[Config], None]) -> None:
    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
        config.attributes |= {"connection": connection, "version_table": VERSIONS}
        new = not inspect(connection).has_table(VERSIONS)
        try:
            step(config)
        except CommandError as error:
            raise Invalid(str(error)) from None
        except CannotAdopt:
            if new:  # alembic made its table first, which MySQL does not take back by itself
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {VERSIONS}")
            raise

    async with (
        _one_at_a_time(),
        database.engine.connect() as connection,
        migration_lock.held(connection),
    ):
        await connection.run_sync(run)


def _refuse_first(config: Config, revision: str) -> None:
    """Let every step refuse before the first one is taken: MySQL takes none back."""
    context = _context(config.attributes["connection"])
    scripts = ScriptDirectory.from_config(config)
    with Operations.context(context):
        try:
            heads = context.get_current_heads()
            steps = list(scripts.iterate_revisions(heads, revision, select_for_downgrade=True))
        except (CommandError, RevisionError):
            return  # alembic will say it better
        for step in steps:
            getattr(step.module, "refuse_downgrade", lambda: None)()


@asynccontextmanager
async def _one_at_a_time() -> AsyncIterator[None]:
    while not _alembic.acquire(blocking=False):  # noqa: ASYNC110 - held in another loop, perhaps
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        _alembic.release()


def _ours(item: Any, _name: object, kind: str, reflected: bool, counterpart: object) -> bool:
    """Whether alembic is to compare it: all that the models have, of the rest only what hinders."""
    if not reflected or counterpart is not None:
        return True
    return kind == "column" and not (item.nullable or item.server_default is not None)


def _other_collations(connection: Connection, metadata: MetaData) -> list[str]:
    if connection.dialect.name == "sqlite":
        return []
    rows = connection.exec_driver_sql(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND collation_name <> %s ORDER BY 1, 2",
        (COLLATION,),
    )
    return [
        f"{table}.{column} has the collation {collation}"
        for table, column, collation in rows
        if table in metadata.tables and column in metadata.tables[table].columns
    ]
