"""`quartapp users`: the accounts."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Sequence
from contextlib import closing
from getpass import GetPassWarning

import click
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts import login, service
from quartapp.accounts.models import Account
from quartapp.accounts.password_rule import password_rule
from quartapp.accounts.passwords import Passwords, hashed
from quartapp.audit.service import Actor
from quartapp.cli.common import read_settings, with_database
from quartapp.core.errors import NotFound
from quartapp.db.database import Database
from quartapp.settings import Settings

BY = Actor(None, "command line")

password_stdin = click.option(
    "--password-stdin",
    "from_stdin",
    is_flag=True,
    help="Read the password from standard input.",
)


@click.group()
def users() -> None:
    """Keep the accounts."""


@users.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="Who may keep the accounts. The first one is anyway.")
@password_stdin
def create(name: str, admin: bool, from_stdin: bool) -> None:
    """Make an account. Without --password-stdin the password is asked for, unseen."""
    settings = read_settings()
    password = _password(name, settings, from_stdin=from_stdin)

    async def work(database: Database) -> None:
        password_hash = await _hash(password, settings)
        async with database.writing() as db:
            await service.create(
                db, username=name, password_hash=password_hash, is_admin=admin or None, by=BY
            )

    with_database(work, settings=settings)
    click.echo(f"Account {name} is made.")


@users.command()
@click.argument("name")
@password_stdin
def password(name: str, from_stdin: bool) -> None:
    """Give an account a new password. Whoever is signed in with it is signed out."""
    settings = read_settings()
    new = _password(name, settings, from_stdin=from_stdin)

    async def work(database: Database) -> None:
        password_hash = await _hash(new, settings)
        async with database.writing() as db:
            account = await _named(db, name)
            await service.put_password(db, account=account, password_hash=password_hash, by=BY)

    with_database(work, settings=settings)
    click.echo(f"The password of {name} is set.")


@users.command()
@click.argument("name")
@click.argument("on_or_off", metavar="on|off", type=click.Choice(["on", "off"]))
def admin(name: str, on_or_off: str) -> None:
    """Make an account one of an admin, or of an admin no more."""

    async def work(database: Database) -> None:
        async with database.writing() as db:
            account = await _named(db, name)
            await service.set_admin(db, id=account.id, is_admin=on_or_off == "on", by=BY)

    with_database(work)
    click.echo(f"{name} is {'an admin' if on_or_off == 'on' else 'no admin'} now.")


@users.command()
@click.argument("name")
def disable(name: str) -> None:
    """Let nobody sign in with an account any more, and sign out who is."""

    async def work(database: Database) -> None:
        async with database.writing() as db:
            account = await _named(db, name)
            await service.disable(db, id=account.id, by=BY)

    with_database(work)
    click.echo(f"Account {name} is disabled.")


@users.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let people sign in with a disabled account again."""

    async def work(database: Database) -> None:
        async with database.writing() as db:
            account = await _named(db, name)
            await service.enable(db, id=account.id, by=BY)

    with_database(work)
    click.echo(f"Account {name} is enabled.")


@users.command(name="list")
def list_() -> None:
    """Print each account: id, name, how its password is kept, and whether admin or disabled."""

    async def work(database: Database) -> Sequence[Account]:
        async with database.reading() as db:
            return await service.everyone(db)

    for account in with_database(work):
        kept = "hashed" if hashed(account.userpwd) else "plaintext"
        marks = ["admin"] * account.is_admin + ["disabled"] * (account.disabled_at is not None)
        click.echo("\t".join([str(account.id), account.username, kept, *marks]))


@users.command()
def hash_passwords() -> None:
    """Replace every password that still stands in the table as it was typed by its hash."""

    settings = read_settings()

    async def work(database: Database) -> int:
        with closing(_passwords(settings)) as passwords:
            return await login.hash_all(database, passwords)

    click.echo(f"Passwords hashed: {with_database(work, settings=settings)}")


async def _named(db: AsyncSession, name: str) -> Account:
    account = await service.find(db, username=name)
    if account is None:
        raise NotFound(f"there is no account {name!r}")
    return account


async def _hash(password: str, settings: Settings) -> str:
    with closing(_passwords(settings)) as passwords:
        return await passwords.hash(password)


def _passwords(settings: Settings) -> Passwords:
    return Passwords(time_cost=settings.password_time_cost, memory_kib=settings.password_memory_kib)


def _password(name: str, settings: Settings, *, from_stdin: bool) -> str:
    """The password given. A poor one ends the command in production, and is warned of elsewhere."""
    given = _one_line() if from_stdin else _asked()
    refusal = asyncio.run(password_rule(given, username=name))
    if refusal is not None:
        if settings.production or not given:
            raise click.ClickException(str(refusal))
        click.echo(f"Warning: {refusal}", err=True)
    return given


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
