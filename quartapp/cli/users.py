"""`quartapp users`: the accounts."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from contextlib import closing
from getpass import GetPassWarning

import click

from quartapp.accounts import login, service
from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords, hashed
from quartapp.cli.common import read_settings, with_database
from quartapp.db.database import Database

SHORTEST = 8  # characters, as NIST SP 800-63B has it
LONGEST = 128


@click.group()
def users() -> None:
    """Keep the accounts."""


@users.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(name: str, password_stdin: bool) -> None:
    """Make an account. Without --password-stdin the password is asked for, unseen."""
    settings = read_settings()
    password = _one_line() if password_stdin else _asked()
    if complaint := _complaint(password):
        if settings.production or not password:
            raise click.ClickException(complaint)
        click.echo(f"Warning: {complaint}", err=True)

    async def work(database: Database) -> None:
        with closing(Passwords()) as passwords:
            password_hash = await passwords.hash(password)
        async with database.writing() as db:
            await service.create(db, username=name, password_hash=password_hash)

    with_database(work, settings=settings)
    click.echo(f"Account {name} is made.")


@users.command(name="list")
def list_() -> None:
    """Print each account: its id, its name, and how its password is kept."""

    async def work(database: Database) -> Sequence[Account]:
        async with database.reading() as db:
            return await service.everyone(db)

    for account in with_database(work):
        kept = "hashed" if hashed(account.userpwd) else "plaintext"
        click.echo(f"{account.id}\t{account.username}\t{kept}")


@users.command()
def hash_passwords() -> None:
    """Replace every password that still stands in the table as it was typed by its hash."""

    async def work(database: Database) -> int:
        with closing(Passwords()) as passwords:
            return await login.hash_all(database, passwords)

    click.echo(f"Passwords hashed: {with_database(work)}")


def _asked() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)  # it would be seen as it is typed
        try:
            answer = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        except GetPassWarning:
            raise click.ClickException("no terminal to ask on: use --password-stdin") from None
    return str(answer)


def _one_line() -> str:
    line = sys.stdin.buffer.readline()
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise click.ClickException("the password is not UTF-8") from None


def _complaint(password: str) -> str:
    if not password:
        return "the password is empty"
    if len(password) < SHORTEST:
        return f"the password has fewer than {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"the password has more than {LONGEST} characters"
    return ""
