"""What `quartapp check` looks at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import click
from sqlalchemy.engine import make_url

from quartapp.accounts import login, service
from quartapp.accounts.demo import PASSWORD, USERNAME
from quartapp.accounts.passwords import Passwords
from quartapp.app import METADATA
from quartapp.cli.common import with_any_database
from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.settings import Settings, weakness

TUTORIAL_DATABASE_PASSWORD = "123456"  # noqa: S105 - one that nobody should have

Look = Callable[[Database], Awaitable[str]]  # says what is wrong, or nothing


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `trouble` says what is wrong with it, if something is."""

    what: str
    trouble: str = ""
    note: str = ""

    @property
    def wrong(self) -> bool:
        """Whether it must be mended."""
        return bool(self.trouble)

    def __str__(self) -> str:
        if self.wrong:
            return f"WRONG {self.what}: {self.trouble}"
        return f"note  {self.what}: {self.note}" if self.note else f"ok    {self.what}"


def findings(settings: Settings, *, deploy: bool = False) -> Iterator[Finding]:
    """Look at everything, one thing after the other; what rests on a wrong one is left out."""
    if deploy:
        yield from _deployment(settings)
    answers = _looked("database", settings, _answers)
    yield answers
    if answers.wrong:
        return
    migrated = _looked("migrations", settings, _migrated)
    yield migrated
    if deploy and not migrated.wrong:
        yield _looked(f"account {USERNAME} of the tutorial", settings, _without_demo_account)
        yield _looked("passwords", settings, _all_hashed)
        yield _looked("admins", settings, _accounts_are_kept)


def _deployment(settings: Settings) -> Iterator[Finding]:
    yield Finding("environment", "" if settings.production else "QUARTAPP_ENV is not production")
    keys = {
        "QUARTAPP_SECRET_KEY": settings.secret_key.get_secret_value(),
        "QUARTAPP_JWT_SECRET_KEY": settings.jwt_secret_key.get_secret_value(),
    }
    for name, key in keys.items():
        yield Finding(name, weakness(key))
    alike = len(set(keys.values())) < len(keys)
    yield Finding("the two secrets", "are the same: one leak gives both away" if alike else "")
    trouble = "some let anyone write: set QUARTAPP_LESSONS=off" if settings.lessons else ""
    yield Finding("lessons", trouble)
    made = (
        "" if settings.jwt_keys_file.exists() else "is made at the first start, for its owner alone"
    )
    yield Finding("keys of the API's tokens", note=made)
    yield _database_address(settings)


def _database_address(settings: Settings) -> Finding:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        return Finding("database address", note="SQLite: one machine, one writer at a time")
    trouble = ""
    if not url.password:
        trouble = "names no password"
    elif url.password == TUTORIAL_DATABASE_PASSWORD:
        trouble = "has the password of the tutorial"
    elif url.username == "root":
        trouble = "root may do everything: give the application a user of its own"
    return Finding("database address", trouble)


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


async def _without_demo_account(database: Database) -> str:
    with closing(Passwords()) as passwords:
        known = await login.is_accepted(database, passwords, username=USERNAME, password=PASSWORD)
    return f"anybody can sign in as {USERNAME} / {PASSWORD}" if known else ""


async def _all_hashed(database: Database) -> str:
    async with database.reading() as db:
        count = len(await service.not_hashed(db))
    return f"{count} stand as typed: run `quartapp users hash-passwords`" if count else ""


async def _accounts_are_kept(database: Database) -> str:
    async with database.reading() as db:
        left_alone = await service.everyone(db) and not await service.admins(db)
    return "nobody is one: run `quartapp users admin NAME on`" if left_alone else ""
