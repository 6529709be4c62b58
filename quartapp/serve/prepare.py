"""The database at the first start: the embedded one is kept up, any other one looked at."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy.exc import SQLAlchemyError

from quartapp.accounts.demo import PASSWORD, USERNAME, sow_admin
from quartapp.accounts.passwords import Passwords
from quartapp.core.errors import DomainError, NotReady
from quartapp.db import migrate
from quartapp.db.database import Database, reason
from quartapp.db.pool import TooFewConnections
from quartapp.houses.demo import sow_houses
from quartapp.serve.errors import ServeError
from quartapp.settings import Settings


async def prepare_database(settings: Settings, *, workers: int = 1) -> str:
    """Make sure that the database can be worked with; what was sown into it, in words.

    Raises ServeError if it is away, not migrated, or allows too few connections.
    """
    database = Database(settings.database, processes=workers)
    try:
        if settings.embedded:
            await migrate.upgrade(database)
            return "" if settings.production else await _sow(database, settings)
        await _must_be_at_head(database)
        return ""
    except NotReady as error:
        raise ServeError(error.message) from None
    except DomainError as error:
        raise ServeError(f"{database.url.render_as_string()}: {error.message}") from None
    except (SQLAlchemyError, OSError) as error:
        raise ServeError(f"{database.url.render_as_string()}: {reason(error)}") from None
    finally:
        await database.close()


async def _must_be_at_head(database: Database) -> None:
    where, head = database.url.render_as_string(), migrate.head()
    if not await database.exists():
        # Looking into it would make an empty file.
        raise NotReady(f"{where} does not exist yet: run `quartapp db upgrade`.")
    try:
        await database.check()
    except TooFewConnections:
        raise
    except NotReady as error:
        raise NotReady(f"{error.message}\nStart it, or mend QUARTAPP_DATABASE_URL.") from None
    current = await migrate.current(database)
    if current != head:
        at = f"is at revision {current}" if current else "was never migrated"
        raise NotReady(f"{where} {at}; {head} is needed: run `quartapp db upgrade`.")


async def _sow(database: Database, settings: Settings) -> str:
    """Put the demo rows into tables that are empty."""
    made = Passwords(time_cost=settings.password_time_cost, memory_kib=settings.password_memory_kib)
    with closing(made) as passwords:
        password_hash = await passwords.hash(PASSWORD)
    async with database.writing() as db:
        houses = await sow_houses(db)
        admin = await sow_admin(db, password_hash=password_hash)
    sown = [f"{houses} houses"] if houses else []
    if admin:
        sown.append(f"sign in as {USERNAME} / {PASSWORD}")
    return f"Demo: {', '.join(sown)}" if sown else ""
