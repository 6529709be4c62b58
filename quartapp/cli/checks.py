"""What `quartapp check` looks at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing

import click

from quartapp.accounts import login, service
from quartapp.accounts.demo import PASSWORD
from quartapp.accounts.passwords import Passwords
from quartapp.app import METADATA
from quartapp.cli.common import with_any_database
from quartapp.cli.deployment import deployment
from quartapp.cli.finding import Finding
from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.settings import Settings

MOST_TRIED = 100  # accounts; a try costs what a sign-in does

Look = Callable[[Database], Awaitable[str]]  # says what is wrong, or nothing


def findings(settings: Settings, *, deploy: bool = False) -> Iterator[Finding]:
    """Look at everything, one thing after the other; what rests on a wrong one is left out."""
    if deploy:
        yield from deployment(settings)
    answers = _looked("database", settings, _answers)
    yield answers
    if answers.wrong:
        return
    migrated = _looked("migrations", settings, _migrated)
    yield migrated
    if deploy and not migrated.wrong:
        yield _looked("accounts", settings, _without_known_passwords)
        yield _looked("passwords", settings, _all_hashed)
        yield _looked("admins", settings, _accounts_are_kept)


def _looked(what: str, settings: Settings, look: Look) -> Finding:
    """What a look at the database finds; that it cannot be had is a finding, too."""
    try:
        return Finding(what, with_any_database(look, settings=settings))
    except click.ClickException as error:
        return Finding(what, error.message)


async def _answers(database: Database) -> str:
    await database.check()
    return ""


async def _migrated(database: Database) -> str:
    at, head = await migrate.current(database), migrate.head()
    if at != head:
        return f"at revision {at or 'none'}, not {head}: run `quartapp db upgrade`"
    if found := await migrate.differences(database, METADATA):
        return "the tables differ from what they should be:\n" + "\n".join(found)
    return ""


async def _without_known_passwords(database: Database) -> str:
    """Try the documented password, and the name of each account: admins first."""
    async with database.reading() as db:
        everyone = await service.everyone(db)
    names = [account.username for account in sorted(everyone, key=lambda each: not each.is_admin)]
    known = []
    with closing(Passwords()) as passwords:
        for name in names[:MOST_TRIED]:
            for password in {PASSWORD, name}:
                if await login.is_accepted(database, passwords, username=name, password=password):
                    known.append(f"{name} / {password}")
    if not known:
        return ""
    return f"anybody can sign in as {', '.join(known)}: run `quartapp users password NAME`"


async def _all_hashed(database: Database) -> str:
    async with database.reading() as db:
        count = len(await service.not_hashed(db))
    return f"{count} stand as typed: run `quartapp users hash-passwords`" if count else ""


async def _accounts_are_kept(database: Database) -> str:
    async with database.reading() as db:
        left_alone = await service.everyone(db) and not await service.admins(db)
    return "nobody is one: run `quartapp users admin NAME on`" if left_alone else ""
