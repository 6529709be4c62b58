"""Whatever hashes: read, hash, write. No transaction and no connection is held while it hashes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Literal, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts import browsers, service
from quartapp.accounts.models import Account
from quartapp.accounts.password_rule import LONGEST, password_rule
from quartapp.accounts.passwords import Passwords, hashed
from quartapp.audit.service import Actor
from quartapp.core.errors import Invalid, Refusal
from quartapp.db.database import Database
from quartapp.db.retry import retried

Result = TypeVar("Result")

Why = Literal["unknown", "wrong", "disabled"]
# Told why a sign-in is refused, and the id of the account if there is one: for the log alone.
OnRefusal = Callable[[Why, int | None], None]

BATCH = 32  # passwords hashed before they are written
TRIED = 4 * LONGEST  # characters of a password that are looked at: nobody has a longer one


def nobody_is_told(_why: Why, _id: int | None) -> None:
    """What is called of a refused sign-in where nobody wants to know."""


async def authenticate(
    database: Database,
    passwords: Passwords,
    *,
    username: str,
    password: str,
    on_refusal: OnRefusal = nobody_is_told,
) -> Account | None:
    """The account of that name if the password is its own, and it is not disabled; else None.

    An unknown name, a wrong password, a disabled account and a row not yet hashed cost the same:
    one run of Argon2. A password that stood in the table as typed, or under older parameters, is
    renewed. Raises Busy, before anything is asked of the database, where too many wait.
    """
    passwords.admit()
    async with database.asking() as db:
        account = await service.find(db, username=username)
    why = await _why_not(database, passwords, account, password)
    if account is not None and why is None:
        return account
    on_refusal(why or "unknown", None if account is None else account.id)
    return None


async def sign_in(
    database: Database,
    passwords: Passwords,
    *,
    username: str,
    password: str,
    stay: browsers.Stay,
    address: str,
    device: str,
    on_refusal: OnRefusal = nobody_is_told,
) -> tuple[Account, str] | None:
    """Begin a browser's session: whose it is, and its id; None where `authenticate` gives none."""
    check = partial(
        authenticate,
        database,
        passwords,
        username=username,
        password=password,
        on_refusal=on_refusal,
    )
    account = await check()
    while account is not None:
        begun = partial(browsers.start, account=account, stay=stay, address=address, device=device)
        session_id = await _write(database, begun)
        if session_id is not None:
            return account, session_id
        # The row was changed meanwhile: by another first login, or for good.
        account = await check()
    return None


async def register(
    database: Database,
    passwords: Passwords,
    *,
    username: str,
    password: str,
    is_admin: bool,
    by: Actor,
) -> Account:
    """A new account. Raises Invalid with a reason for each field, Conflict for a name taken."""
    password_hash = await first_hash(passwords, username=username, password=password)
    made = partial(
        service.create, username=username, password_hash=password_hash, is_admin=is_admin, by=by
    )
    return await _write(database, made)


async def first_hash(passwords: Passwords, *, username: str, password: str) -> str:
    """The hash for a new account of that name. Raises Invalid with a reason for each of the two."""
    _refuse(
        {
            "username": service.name_rule(username),
            "password": await password_rule(password, username=username),
        }
    )
    return await passwords.hash(password)


async def checked_hash(passwords: Passwords, *, username: str, password: str) -> str:
    """The hash of a new password for the account of that name. Raises Invalid with a reason."""
    _refuse({"password": await password_rule(password, username=username)})
    return await passwords.hash(password)


async def change_password(
    database: Database,
    passwords: Passwords,
    *,
    id: int,
    current: str,
    new: str,
    keep: str | None,
    by: Actor,
) -> None:
    """Let somebody change their own password; ends all of their sessions but `keep`.

    Raises Invalid with a reason for `current` or `new`, NotFound, Conflict if it was changed
    meanwhile.
    """
    async with database.reading() as db:
        account = await service.get(db, id=id)
    known = await is_accepted(database, passwords, username=account.username, password=current)
    wrong = Refusal("wrong-password", "This is not your current password.")
    _refuse(
        {
            "current": None if known else wrong,
            "new": await password_rule(new, username=account.username),
        }
    )
    password_hash = await passwords.hash(new)
    put = partial(
        service.put_password, account=account, password_hash=password_hash, keep=keep, by=by
    )
    await _write(database, put)


async def set_password(
    database: Database, passwords: Passwords, *, id: int, password: str, by: Actor
) -> None:
    """Give somebody else a new password, and end all of their sessions.

    Raises Invalid with a reason for `password`, NotFound, Conflict for one's own account and if
    it was changed meanwhile.
    """
    service.refuse_own(id, by)
    async with database.reading() as db:
        account = await service.get(db, id=id)
    password_hash = await checked_hash(passwords, username=account.username, password=password)
    put = partial(service.put_password, account=account, password_hash=password_hash, by=by)
    await _write(database, put)


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
    async with database.asking() as db:
        account = await service.find(db, username=username)
    if account is None or account.disabled_at is not None or len(password) > TRIED:
        return False
    if hashed(account.userpwd):
        return await passwords.verify(account.userpwd, password)
    return _same(account.userpwd, password)


async def _why_not(
    database: Database, passwords: Passwords, account: Account | None, password: str
) -> Why | None:
    """Why nobody may sign in to an account with a password; None if they may, which renews it."""
    if account is None or len(password) > TRIED:
        await passwords.hash(password[:TRIED])
        return "unknown" if account is None else "wrong"
    disabled: Why | None = None if account.disabled_at is None else "disabled"
    if hashed(account.userpwd):
        if not await passwords.verify(account.userpwd, password):
            return "wrong"
        if not passwords.outdated(account.userpwd):
            return disabled
    renewed = await passwords.hash(password, admitted=hashed(account.userpwd))
    if not hashed(account.userpwd) and not _same(account.userpwd, password):
        return "wrong"
    if disabled is None and await _write(
        database, partial(service.replace_password, account=account, password_hash=renewed)
    ):
        account.userpwd = renewed
    return disabled


@retried
async def _write(database: Database, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
    """Do one thing in a transaction of its own."""
    async with database.writing() as db:
        return await work(db)


def _refuse(rules: Mapping[str, Refusal | None]) -> None:
    """Raise Invalid if a field is refused; all that are, at once."""
    fields = {name: refusal for name, refusal in rules.items() if refusal is not None}
    if fields:
        raise Invalid(" ".join(map(str, fields.values())), fields=fields)


def _same(one: str, other: str) -> bool:
    """Compare in a time that does not tell how much is alike."""
    return secrets.compare_digest(
        one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass")
    )
