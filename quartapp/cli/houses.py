"""`quartapp houses`: CSV files in and out."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import click

from quartapp.audit.service import Actor
from quartapp.cli.common import explain, with_database
from quartapp.db.database import Database
from quartapp.houses import csv_lines, transfer
from quartapp.houses.lines import lines_of

ACTOR = Actor(None, "command line")
CSV = transfer.FORMATS["csv"]


@click.group()
def houses() -> None:
    """Bring houses in from CSV files, and out."""


@houses.command(name="import")
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--skip-bad", is_flag=True, help="Import the rest if lines cannot be imported.")
def import_(file: Path, skip_bad: bool) -> None:
    """Add the houses of a CSV file (UTF-8; `-` is standard input).

    Its first line must be id,project_no,project_name,project_address. An empty field is NULL, an
    empty text is written "". If a line cannot be imported, all such lines are named and nothing is
    imported.
    """
    try:
        with _opened(file) as source, _progress(source) as tell:

            async def work(database: Database) -> transfer.Imported:
                rows = csv_lines.parse(_told(lines_of(source), tell))
                try:
                    async with database.writing(limit=None) as db:
                        return await transfer.load(db, rows=rows, skip_bad=skip_bad, by=ACTOR)
                except transfer.BadLines as refused:
                    return transfer.Imported(0, list(refused.bad), refused.refused)

            imported = with_database(work)
    except OSError as error:
        raise click.ClickException(explain(error)) from None
    for line in imported.bad:
        click.echo(str(line), err=True)
    bad = imported.refused
    if bad and not skip_bad:
        raise click.ClickException(
            f"nothing was imported: {bad} bad lines (--skip-bad imports the rest)"
        )
    click.echo(f"Houses imported: {imported.count}" + (f"; lines skipped: {bad}" if bad else ""))


@houses.command()
@click.argument("file", metavar="FILE.csv", type=click.Path(path_type=Path, allow_dash=True))
def export(file: Path) -> None:
    """Write all houses to a CSV file (`-` is standard output), which `import` reads back alike.

    NULL is an empty field, an empty text is written "". The file is there whole or not at all:
    one that exists is replaced at the end.
    """

    async def work(database: Database) -> int:
        count = 0
        with _replaced(file) as target:
            target.write(CSV.header.encode())
            # All of it in one transaction: the table as it was at one moment.
            async with database.reading(limit=None) as db:
                async for records in transfer.dump(lambda: nullcontext(db), format=CSV):
                    target.write("".join(records).encode())
                    count += len(records)
        return count

    click.echo(f"Houses exported: {with_database(work)}", err=True)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
    else:
        with file.open("rb") as source:
            yield source


@contextmanager
def _progress(source: BinaryIO) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal: how many bytes of the file are read."""
    size = 0 if source is sys.stdin.buffer else os.fstat(source.fileno()).st_size
    hidden = not size or not sys.stderr.isatty()
    with click.progressbar(length=size, label="Importing", file=sys.stderr, hidden=hidden) as bar:
        yield bar.update


def _told(lines: Iterator[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    for line in lines:
        tell(len(line))
        yield line


@contextmanager
def _replaced(file: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `file` at the end, if all went well."""
    target = Path(os.path.realpath(file))
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    draft = target.with_name(f".quartapp-{secrets.token_hex(8)}")
    try:
        if target.exists() and not target.is_file():  # a pipe, a device
            with target.open("wb") as out:
                yield out
            return
        with draft.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if target.exists():
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        draft.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from None
    finally:
        draft.unlink(missing_ok=True)
