"""`quartapp db`: bring the database up and down, and say how it is."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from quartapp.cli.common import read_settings, with_any_database, with_database
from quartapp.core.errors import Conflict
from quartapp.db import backup as backups
from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.settings import Settings


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
    from quartapp.app import METADATA  # no other command of these needs the application

    async def work(database: Database) -> None:
        if found := await migrate.differences(database, METADATA):
            raise Conflict("the tables differ from what they should be:\n" + "\n".join(found))

    with_database(work)
    click.echo(f"{migrate.head()}: as it should be")


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy a SQLite database to a new FILE, consistent while servers run; mode 0600.

    Files of houses and keys are no part of it: copy the instance path's `files/`, `jwt_keys.json`
    and secrets after it. A MySQL server makes its own backup; the line for that is printed.
    """
    settings = read_settings()
    _leave_mysql_to_itself(settings, "mysqldump --single-transaction --hex-blob", f"> {file}")
    with _progress() as tell:
        with_any_database(
            lambda database: backups.backup(database, file, tell=tell), settings=settings
        )
    click.echo(f"{file}: {file.stat().st_size} bytes")
    click.echo(f"Not in it: files and keys; copy {settings.instance_path} after it.", err=True)


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Put the backup FILE in the place of a SQLite database that no server has open.

    It is looked at first, and brought to the newest revision. The old database is kept beside it.
    """
    settings = read_settings()
    _leave_mysql_to_itself(settings, "mysql", f"< {file}")
    kept = with_any_database(
        lambda database: backups.restore(database, file), settings=settings, may_make=True
    )
    click.echo(f"Restored from {file}, at revision {migrate.head()}.")
    if kept is not None:
        click.echo(f"The database that was there is kept as {kept}.")


def _leave_mysql_to_itself(settings: Settings, program: str, redirection: str) -> None:
    """End the command with the line that a MySQL server's own tool needs, without the password."""
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        return
    where = [f"--host={url.host}", f"--port={url.port or 3306}", f"--user={url.username or ''}"]
    words = shlex.join([*where, "--password", str(url.database)])
    raise click.ClickException(
        f"this is a MySQL server, which does that itself: {program} {words} {redirection}"
    )


@contextmanager
def _progress() -> Iterator[backups.Tell]:
    """A progress bar on a terminal: how many pages are copied."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1, label="Copying", file=sys.stderr, hidden=hidden) as bar:

        def tell(left: int, of: int) -> None:
            bar.length = of
            bar.update(of - left - bar.pos)

        yield tell
