"""`quartapp tokens`: the keys that sign tokens, and what is kept of sessions and requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from quartapp.accounts.sessions import KEPT, DatabaseSessionStore
from quartapp.cli.common import read_settings, with_database
from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.idempotency import service as idempotency
from quartapp.jwt import KeyFile, KeyFileError
from quartapp.jwt.keys import ALGORITHMS, OVERLAP

NEVER = "-"


@click.group()
def tokens() -> None:
    """Keep keys, and forget sessions that are over."""


@tokens.command()
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    help="What the new key is for; that of the present key if not given, ES256 at first.",
)
@click.option(
    "--overlap",
    type=click.IntRange(min=0, max=3650),
    default=OVERLAP.days,
    show_default=True,
    metavar="DAYS",
    help="How long the present key goes on verifying; 0 for one that is known to a stranger.",
)
def rotate_key(algorithm: str | None, overlap: int) -> None:
    """Make a new key that signs from now on; workers that run take it up within seconds."""
    file = KeyFile(read_settings().jwt_keys_file)
    try:
        key = file.rotate(algorithm, timedelta(days=overlap))
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Key {key.kid} ({key.algorithm}) signs from now on.")


@tokens.command()
def keys() -> None:
    """Print each key: its name, its algorithm, when it was made, when it retires (UTC)."""
    file = KeyFile(read_settings().jwt_keys_file)
    try:
        ring = file.read()
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None
    for key in ring.keys:
        retires = NEVER if key.retires is None else _moment(key.retires)
        click.echo(f"{key.kid}\t{key.algorithm}\t{_moment(key.made)}\t{retires}")


@tokens.command()
def prune() -> None:
    """Forget sessions that ended 15 days ago or earlier, and answers kept that have expired.

    Can be run beside a server, every night.
    """

    async def work(database: Database) -> tuple[int, int]:
        ended = await DatabaseSessionStore(database).prune(now=now() - KEPT)
        return ended, await idempotency.prune(database)

    ended, expired = with_database(work)
    click.echo(f"Forgotten: {ended} sessions, {expired} answers")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
