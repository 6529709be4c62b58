"""The login path: read, hash, write. No transaction and no connection is held while it hashes."""

from __future__ import annotations

import asyncio
import secrets

from quartapp.accounts import service
from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords, hashed
from quartapp.db.database import Database

BATCH = 32  # passwords hashed before they are written


async def authenticate(
    database: Database, passwords: Passwords, *, username: str, password: str
) -> Account | None:
    """The account of that name if the password is its own, else None.

    An unknown name, a wrong password and a row not yet hashed cost the same: one run of Argon2.
    A password that stood in the table as typed, or under older parameters, is renewed.
    """
    async with database.reading() as db:
        account = await service.find(db, username=username)
    if account is None:
        await passwords.hash(password)
        return None
    if hashed(account.userpwd):
        if not await passwords.verify(account.userpwd, password):
            return None
        if not passwords.outdated(account.userpwd):
            return account
    renewed = await passwords.hash(password)
    if not hashed(account.userpwd) and not _same(account.userpwd, password):
        return None
    async with database.writing() as db:
        await service.replace_password(db, account=account, password_hash=renewed)
    return account


async def hash_all(database: Database, passwords: Passwords) -> int:
    """Replace every password that stands in the table as it was typed; says how many."""
    async with database.reading() as db:
        waiting = list(await service.not_hashed(db))
    count = 0
    for start in range(0, len(waiting), BATCH):
        batch = waiting[start : start + BATCH]
        hashes = await asyncio.gather(*(passwords.hash(account.userpwd) for account in batch))
        async with database.writing() as db:
            for account, password_hash in zip(batch, hashes, strict=True):
                # One that was changed meanwhile, by a login perhaps, is left as it is.
                count += await service.replace_password(
                    db, account=account, password_hash=password_hash
                )
    return count


async def is_accepted(
    database: Database, passwords: Passwords, *, username: str, password: str
) -> bool:
    """Whether somebody could sign in with these; changes nothing."""
    async with database.reading() as db:
        account = await service.find(db, username=username)
    if account is None:
        return False
    if hashed(account.userpwd):
        return await passwords.verify(account.userpwd, password)
    return _same(account.userpwd, password)


def _same(one: str, other: str) -> bool:
    """Compare in a time that does not tell how much is alike."""
    return secrets.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
