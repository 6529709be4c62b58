"""What can be done with accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts.models import Account
from quartapp.accounts.passwords import hashed
from quartapp.core.errors import Conflict, Invalid
from quartapp.core.text import is_storable
from quartapp.db.text import exactly

NAME_LENGTH = 30


async def find(db: AsyncSession, *, username: str) -> Account | None:
    """The account of that name, compared to the letter; None if there is none."""
    if len(username) > NAME_LENGTH or not is_storable(username):
        return None
    found = await db.scalar(select(Account).where(Account.username == username))
    # MySQL's utf8mb4_bin takes no notice of spaces at the end; SQLite does, and so do people.
    return found if found is not None and found.username == username else None


async def everyone(db: AsyncSession) -> Sequence[Account]:
    """All accounts, by name."""
    return (await db.scalars(select(Account).order_by(Account.username))).all()


async def create(db: AsyncSession, *, username: str, password_hash: str) -> Account:
    """A new account. Raises Invalid for a name that cannot be one, Conflict if it is taken."""
    if not username or len(username) > NAME_LENGTH:
        raise Invalid(f"a name has 1 to {NAME_LENGTH} characters")
    if username != username.strip():
        raise Invalid("a name neither begins nor ends with a space")
    if not username.isprintable() or not is_storable(username):
        raise Invalid("the name holds characters that cannot be printed")
    account = Account(username=username, userpwd=password_hash)
    db.add(account)
    try:
        await db.flush()
    except IntegrityError:
        raise Conflict(f"there is an account {username!r} already") from None
    return account


async def not_hashed(db: AsyncSession) -> Sequence[Account]:
    """The accounts whose password still stands in the table as it was typed."""
    return [account for account in await everyone(db) if not hashed(account.userpwd)]


async def replace_password(db: AsyncSession, *, account: Account, password_hash: str) -> bool:
    """Put a new hash in place of the one `account` was read with; False if it changed meanwhile."""
    unchanged = Account.id == account.id, exactly(db, Account.userpwd, account.userpwd)
    renew = update(Account).where(*unchanged).values(userpwd=password_hash)
    done = await db.execute(renew, execution_options={"synchronize_session": False})
    return bool(cast("CursorResult[Any]", done).rowcount)


async def find_by_id(db: AsyncSession, *, id: int) -> Account | None:
    """The account of that id; None if there is none."""
    return await db.get(Account, id)
