"""`quartapp files`: the storage and the table of files, compared."""

from __future__ import annotations

from functools import partial

import click

from quartapp.cli.common import read_settings, with_database
from quartapp.files import service
from quartapp.files.storage import FolderStorage


@click.group()
def files() -> None:
    """Keep the files of houses."""


@files.command()
def sweep() -> None:
    """Remove what crashes left in the storage, and name files that are lost.

    Nothing is removed that is younger than a day: it may be an upload at work. Ends with status 1
    if files are lost that the database knows of. Can be run beside a server, every night.
    """
    settings = read_settings()
    storage = FolderStorage(settings.files_folder)
    swept = with_database(partial(service.sweep, storage=storage), settings=settings)
    click.echo(f"Removed: {swept.drafts} drafts, {swept.orphans} files that no house has")
    for key in swept.lost:
        click.echo(f"Lost: {key}", err=True)
    if swept.lost:
        raise click.ClickException(f"{len(swept.lost)} files are not in {settings.files_folder}")
