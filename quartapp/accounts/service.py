"""What can be done with accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, bindparam, delete, func, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from quartapp.accounts.models import (
    ACCOUNT,
    DISABLED_AT,
    IS_ADMIN,
    Account,
    AccountStatus,
    LoginSession,
)
from quartapp.accounts.passwords import hashed
from quartapp.accounts.session_rows import end_all, is_live
from quartapp.audit.service import Actor, record
from quartapp.core import cursors
from quartapp.core.clock import now
from quartapp.core.cursors import Place
from quartapp.core.errors import Conflict, Invalid, NotFound, Refusal
from quartapp.core.paging import Page, Slice
from quartapp.core.text import is_storable
from quartapp.db import counting
from quartapp.db.counting import Count, Daily, how_many
from quartapp.db.text import exactly

NAME_LENGTH = 30
MOST_ID = 2**31 - 1  # what the column holds
ORDER = "username"  # of every list

_SIGN_INS = Daily(
    select(literal(1).label("one")).select_from(LoginSession),
    at=LoginSession.__table__.c.created_at,
)

# Made once: to make them takes as long as to ask. What every sign-in asks is asked of the tables,
# as an object of the class costs twice as much as its row.
_ROW = select(ACCOUNT, IS_ADMIN.label("is_admin"), DISABLED_AT.label("disabled_at"))
_NAMED = _ROW.where(ACCOUNT.c.username == bindparam("name"))
_OF_ID = _ROW.where(ACCOUNT.c.id == bindparam("id"))
_AS_IT_IS = _OF_ID.with_for_update()
_HELD = select(Account).where(Account.id == bindparam("id")).with_for_update()


def subject(*, id: int, username: str) -> str:
    """Whose a session is: id and name, as a database may give the id of one gone to the next."""
    return f"{id}:{username}"


def subject_of(account: Account) -> str:
    """Whose a session is that is this account's."""
    return subject(id=account.id, username=account.username)


async def find(db: AsyncSession | AsyncConnection, *, username: str) -> Account | None:
    """The account of that name, compared to the letter, as no part of a session; else None."""
    if len(username) > NAME_LENGTH or not is_storable(username):
        return None
    found = await _one(db, _NAMED, name=username)
    # MySQL's utf8mb4_bin takes no notice of spaces at the end; SQLite does, and so do people.
    return found if found is not None and found.username == username else None


async def get(db: AsyncSession, *, id: int) -> Account:
    """The account of that id. Raises NotFound."""
    account = await db.get(Account, id) if 0 < id <= MOST_ID else None
    if account is None:
        raise NotFound(f"there is no account {id}")
    return account


async def find_by_subject(db: AsyncSession | AsyncConnection, *, subject: str) -> Account | None:
    """The account that a session is of, as no part of a session; None if gone or disabled."""
    id, _, _ = subject.partition(":")
    is_number = id.isascii() and id.isdecimal() and len(id) <= len(str(MOST_ID))
    if not is_number or int(id) > MOST_ID:
        return None
    account = await _one(db, _OF_ID, id=int(id))
    if account is None or subject_of(account) != subject or account.disabled_at is not None:
        return None
    return account


async def everyone(db: AsyncSession) -> Sequence[Account]:
    """All accounts, by name."""
    return (await db.scalars(select(Account).order_by(Account.username))).all()


async def page(db: AsyncSession, *, number: int, size: int) -> Page[Account]:
    """One page of the accounts, by name; past the end it is empty. Two statements.

    `number` and `size` are at least 1. What a page costs grows with its number; `after` does not.
    """
    count = await how_many(db, select(Account.id))
    offset = (number - 1) * size
    items: Sequence[Account] = []
    if offset < (count.number if count.exact else MOST_ID):
        by_name = select(Account).order_by(Account.username)
        items = (await db.scalars(by_name.limit(size).offset(offset))).all()
    return Page(items=items, number=number, size=size, total=count.number, exact=count.exact)


async def after(db: AsyncSession, *, cursor: str | None = None, size: int) -> Slice[Account]:
    """The accounts behind a cursor, or the first, by name. Two statements.

    Raises Invalid for a cursor that is none.
    """
    return await _slice(db, cursor=cursor, size=size, backward=False)


async def before(db: AsyncSession, *, cursor: str | None = None, size: int) -> Slice[Account]:
    """The accounts in front of a cursor, or the last; else as `after`."""
    return await _slice(db, cursor=cursor, size=size, backward=True)


async def admins(db: AsyncSession) -> Sequence[Account]:
    """Those who can keep the accounts, by name."""
    can = Account.is_admin, Account.disabled_at.is_(None)
    return (await db.scalars(select(Account).where(*can).order_by(Account.username))).all()


def name_rule(username: str) -> Refusal | None:
    """Why `username` cannot be a name; None if it can."""
    if not username or len(username) > NAME_LENGTH:
        return Refusal("length", "A name has 1 to %(most)s characters.", most=NAME_LENGTH)
    if username != username.strip():
        return Refusal("spaces", "A name neither begins nor ends with a space.")
    if not username.isprintable() or not is_storable(username):
        return Refusal("unprintable", "The name holds characters that cannot be printed.")
    return None


async def create(
    db: AsyncSession, *, username: str, password_hash: str, by: Actor, is_admin: bool | None = None
) -> Account:
    """A new account; where nothing else is said, an admin if it is the first.

    Raises Invalid for a name that cannot be one, Conflict if it is taken.
    """
    if refusal := name_rule(username):
        raise Invalid(str(refusal), fields={"username": refusal})
    if is_admin is None:
        is_admin = await db.scalar(select(Account.id).limit(1)) is None
    account = Account(username=username, userpwd=password_hash)
    db.add(account)
    try:
        await db.flush()
    except IntegrityError:
        taken = Refusal("taken", "There is an account of that name already.")
        message = f"there is an account {username!r} already"
        raise Conflict(message, fields={"username": taken}) from None
    # The id may be that of an account which is gone, and its name the same.
    await db.execute(delete(AccountStatus).where(AccountStatus.account_id == account.id))
    if is_admin:
        db.add(AccountStatus(account_id=account.id, username=username, is_admin=True))
    await _changed(db, account, "created", by, {"is_admin": [None, is_admin]})
    return account


async def disable(db: AsyncSession, *, id: int, by: Actor) -> Account:
    """Let somebody sign in no more, and end where they are signed in.

    Raises NotFound; Conflict for one's own account and for the last admin.
    """
    account, status = await _hold_person(db, id)
    if status.disabled_at is None:
        await _refuse_to_lock_out(db, account, by)
        status.disabled_at = now()
        await _changed(db, account, "disabled", by)
    return account


async def enable(db: AsyncSession, *, id: int, by: Actor) -> Account:
    """Let somebody sign in again. Raises NotFound."""
    account, status = await _hold_person(db, id)
    if status.disabled_at is not None:
        status.disabled_at = None
        await _changed(db, account, "enabled", by)
    return account


async def set_admin(db: AsyncSession, *, id: int, is_admin: bool, by: Actor) -> Account:
    """Make somebody an admin, or one no more, and end where they are signed in.

    Raises NotFound; Conflict for one's own account and for the last admin.
    """
    account, status = await _hold_person(db, id)
    if status.is_admin != is_admin:
        if not is_admin:
            await _refuse_to_lock_out(db, account, by)
        status.is_admin = is_admin
        await _changed(db, account, "admin", by, {"is_admin": [not is_admin, is_admin]})
    return account


async def put_password(
    db: AsyncSession, *, account: Account, password_hash: str, by: Actor, keep: str | None = None
) -> None:
    """Put a new hash in place of the one `account` was read with, and end its sessions but `keep`.

    Raises Conflict if the password was changed meanwhile, or the account is gone.
    """
    await _hold_roles(db)
    held = await hold(db, id=account.id)
    if held is None or (held.username, held.userpwd) != (account.username, account.userpwd):
        changed = Refusal("changed", "The password was changed meanwhile.")
        raise Conflict(str(changed), fields={"password": changed})
    held.userpwd = password_hash
    await _changed(db, held, "password", by, keep=keep)


async def not_hashed(db: AsyncSession) -> Sequence[Account]:
    """The accounts whose password still stands in the table as it was typed."""
    return [account for account in await everyone(db) if not hashed(account.userpwd)]


async def replace_password(db: AsyncSession, *, account: Account, password_hash: str) -> bool:
    """Put a new hash of the same password in place of the one `account` was read with.

    False if it was changed meanwhile.
    """
    unchanged = Account.id == account.id, exactly(db, Account.userpwd, account.userpwd)
    renew = update(Account).where(*unchanged).values(userpwd=password_hash)
    done = await db.execute(renew, execution_options={"synchronize_session": False})
    return bool(cast("CursorResult[Any]", done).rowcount)


async def sign_ins_by_day(db: AsyncSession, *, since: datetime) -> dict[date, Count]:
    """How many sign-ins there were on each day (UTC) since then; days without any are left out."""
    return await _SIGN_INS.since(db, since)


async def signed_in(db: AsyncSession) -> Count:
    """How many people are signed in now, in whatever way: those of COUNTED sessions."""
    live = select(LoginSession.subject).where(is_live(now())).limit(counting.COUNTED).subquery()
    numbers = select(func.count(), func.count(live.c.subject.distinct())).select_from(live)
    sessions, people = (await db.execute(numbers)).one()
    return Count(people, exact=sessions < counting.COUNTED)


def refuse_own(id: int, by: Actor) -> None:
    """Raise Conflict if that is the account of whoever asks."""
    if id == by.id:
        own = Refusal("own-account", "Nobody can do that to their own account.")
        raise Conflict(str(own), fields={"account": own})


async def hold(db: AsyncSession, *, id: int) -> Account | None:
    """The account of that id as it is now, and as it stays until the transaction ends."""
    return await db.scalar(_HELD, {"id": id}, execution_options={"populate_existing": True})


async def hold_unchanged(db: AsyncSession | AsyncConnection, *, account: Account) -> bool:
    """Whether an account may still sign in as it was read; it stays so until the transaction ends.

    Name, password and role are compared. Whoever is about to change them is waited for.
    """
    read = (account.username, account.userpwd, account.is_admin, None)
    held = (await db.execute(_AS_IT_IS, {"id": account.id})).one_or_none()
    return held is not None and read == (
        held.username,
        held.userpwd,
        held.is_admin,
        held.disabled_at,
    )


async def _one(
    db: AsyncSession | AsyncConnection, asked: Select[Any], **values: object
) -> Account | None:
    row = (await db.execute(asked, values)).one_or_none()
    return None if row is None else Account(**row._asdict())


async def _slice(
    db: AsyncSession, *, cursor: str | None, size: int, backward: bool
) -> Slice[Account]:
    name = Account.username
    rows = select(Account).order_by(name.desc() if backward else name).limit(size + 1)
    if cursor is not None:
        place = cursors.read(ORDER, cursor).id
        rows = rows.where(name < place if backward else name > place)
    count = await how_many(db, select(Account.id))
    return Slice.of(
        (await db.scalars(rows)).all(),
        size=size,
        total=count.number,
        exact=count.exact,
        cursor=cursor,
        cursor_of=_cursor_of,
        backward=backward,
    )


def _cursor_of(account: Account) -> str:
    return cursors.written(ORDER, Place(None, account.username))


async def _hold_roles(db: AsyncSession) -> None:
    """Hold the roles of all: who is the last admin rests on everybody's.

    Always before an account is held, so that two changes wait for each other and never both, and
    before anything is read: MySQL would go on showing what was true before the wait.
    """
    await db.execute(select(AccountStatus.account_id).with_for_update())


async def _hold_person(db: AsyncSession, id: int) -> tuple[Account, AccountStatus]:
    """Hold an account and its status."""
    await _hold_roles(db)
    account = await hold(db, id=id) if 0 < id <= MOST_ID else None
    if account is None:
        raise NotFound(f"there is no account {id}")
    status = await db.get(AccountStatus, id)
    if status is not None and status.username != account.username:
        await db.delete(status)  # that of an account which is gone
        await db.flush()
        status = None
    if status is None:
        status = AccountStatus(account_id=id, username=account.username, is_admin=False)
        db.add(status)
    return account, status


async def _refuse_to_lock_out(db: AsyncSession, account: Account, by: Actor) -> None:
    """Raise Conflict where nobody would be left to keep the accounts."""
    refuse_own(account.id, by)
    if not account.is_admin:
        return
    if all(admin.id == account.id for admin in await admins(db)):
        last = Refusal("last-admin", "This is the last admin who can sign in.")
        raise Conflict(str(last), fields={"account": last})


async def _changed(
    db: AsyncSession,
    account: Account,
    verb: str,
    by: Actor,
    detail: Mapping[str, Any] | None = None,
    *,
    keep: str | None = None,
) -> None:
    """Write down a change of an account, and end its sessions but `keep`."""
    whose = subject_of(account)
    ended = end_all(whose, keep=keep, now=now(), reason=verb)
    await db.execute(ended, execution_options={"synchronize_session": False})
    record(db, by=by, action=f"account.{verb}", subject=whose, detail=detail)
    await db.flush()
    await db.refresh(account)
