"""Roles, disabled accounts and changed passwords, and what they do to sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import insert, select, text, update

from quartapp.accounts import browsers, login, service
from quartapp.accounts.models import Account, LoginSession
from quartapp.accounts.passwords import Passwords
from quartapp.audit.models import AuditEntry
from quartapp.audit.service import Actor
from quartapp.core.clock import now
from quartapp.core.errors import Conflict, Invalid, NotFound
from quartapp.db.counting import Count
from quartapp.db.database import Database
from quartapp.testing import BY


@pytest_asyncio.fixture
async def passwords() -> AsyncIterator[Passwords]:
    """The threads that hash."""
    made = Passwords()
    yield made
    made.close()


async def make(database: Database, username: str, *, is_admin: bool | None = False) -> Account:
    async with database.writing() as db:
        return await service.create(
            db, username=username, password_hash="x", is_admin=is_admin, by=BY
        )


async def start(database: Database, account: Account) -> str | None:
    async with database.writing() as db:
        return await browsers.start(db, account=account, stay=browsers.BRIEF, address="", device="")


async def get(database: Database, account: Account) -> Account:
    async with database.reading() as db:
        return await service.get(db, id=account.id)


async def actions(database: Database) -> list[str]:
    async with database.reading() as db:
        return list(await db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


async def test_a_password_changed_after_its_account_was_found_is_not_overwritten(
    database: Database,
) -> None:
    await make(database, "bob")
    async with database.writing() as db:
        found = await service.find(db, username="bob")
        assert found is not None
        elsewhere = update(Account).where(Account.id == found.id).values(userpwd="y")
        await db.execute(elsewhere, execution_options={"synchronize_session": False})

        with pytest.raises(Conflict, match="meanwhile"):
            await service.put_password(db, account=found, password_hash="z", by=BY)

    assert (await get(database, found)).userpwd == "y"


async def test_the_first_account_is_an_admin_s_and_no_later_one(database: Database) -> None:
    first, second = [await make(database, name, is_admin=None) for name in ("one", "two")]
    assert (first.is_admin, second.is_admin) == (True, False)
    assert await actions(database) == ["account.created"] * 2


async def test_what_an_account_was_that_had_the_id_before_is_forgotten(
    database: Database,
) -> None:
    old = await make(database, "old", is_admin=True)
    async with database.writing() as db:
        await db.execute(text("DELETE FROM t_admin"))
        await db.execute(insert(Account).values(id=old.id, username="new", userpwd="x"))

    assert not (await get(database, old)).is_admin
    async with database.writing() as db:
        changed = await service.disable(db, id=old.id, by=BY)
    assert (changed.is_admin, changed.disabled_at is None) == (False, False)


@pytest.mark.parametrize("username", ["old", "new"])
async def test_an_account_made_with_the_id_of_one_that_is_gone_has_nothing_of_it(
    username: str, database: Database
) -> None:
    old = await make(database, "old", is_admin=True)
    session = await start(database, old)
    async with database.writing() as db:
        await db.execute(text("DELETE FROM t_admin"))
        if db.get_bind().dialect.name == "mysql":  # as it does by itself at a restart
            await db.execute(text(f"ALTER TABLE t_admin AUTO_INCREMENT = {old.id}"))

    made = await make(database, username)

    assert made.id == old.id
    assert not made.is_admin
    async with database.reading() as db:
        assert await browsers.resume(db, id=str(session)) is None


async def test_the_last_admin_stays_one(database: Database) -> None:
    last = await make(database, "last", is_admin=True)
    other = await make(database, "other", is_admin=True)
    async with database.writing() as db:
        await service.disable(db, id=other.id, by=BY)

    with pytest.raises(Conflict, match="last admin"):
        async with database.writing() as db:
            await service.disable(db, id=last.id, by=BY)
    with pytest.raises(Conflict, match="last admin"):
        async with database.writing() as db:
            await service.set_admin(db, id=last.id, is_admin=False, by=BY)

    async with database.writing() as db:
        # Who cannot sign in is none of those who are left.
        assert not (await service.set_admin(db, id=other.id, is_admin=False, by=BY)).is_admin
    assert (await get(database, last)).is_admin


async def test_of_two_admins_who_demote_each_other_at_once_one_is_left(
    database: Database,
) -> None:
    one, two = [await make(database, name, is_admin=True) for name in ("one", "two")]

    async def demote(who: Account, by: Account) -> None:
        async with database.writing() as db:
            actor = Actor(by.id, by.username)
            await service.set_admin(db, id=who.id, is_admin=False, by=actor)

    done = await asyncio.gather(demote(one, two), demote(two, one), return_exceptions=True)

    assert [type(each) for each in done if each is not None] == [Conflict]
    assert sorted([(await get(database, each)).is_admin for each in (one, two)]) == [False, True]


async def test_what_is_so_already_is_no_change(database: Database) -> None:
    account = await make(database, "bob")
    session = await start(database, account)
    async with database.writing() as db:
        await service.enable(db, id=account.id, by=BY)
        await service.set_admin(db, id=account.id, is_admin=False, by=BY)

    assert await actions(database) == ["account.created"]
    async with database.reading() as db:
        assert await browsers.resume(db, id=str(session))


@pytest.mark.parametrize("id", [0, -1, 77, 2**31, 2**64])
async def test_there_is_nothing_to_change_in_no_account(id: int, database: Database) -> None:
    for change in (service.disable, service.enable):
        with pytest.raises(NotFound):
            async with database.writing() as db:
                await change(db, id=id, by=BY)
    async with database.reading() as db:
        assert await service.find_by_subject(db, subject=f"{id}:bob") is None


async def test_a_subject_is_an_account_s_while_it_is_not_disabled(database: Database) -> None:
    account = await make(database, "a:b")
    subject = service.subject_of(account)

    async def found(wanted: str) -> bool:
        async with database.reading() as db:
            return await service.find_by_subject(db, subject=wanted) is not None

    assert await found(subject)
    for other in ("", ":", "a:b", f"{account.id}", f"{account.id}:a", f"{subject} ", f"0{subject}"):
        assert not await found(other)
    async with database.writing() as db:
        await service.disable(db, id=account.id, by=BY)
    assert not await found(subject)


async def test_a_sign_in_that_was_overtaken_by_a_change_begins_no_session(
    database: Database,
) -> None:
    as_checked = await make(database, "bob")
    async with database.writing() as db:
        await service.put_password(db, account=as_checked, password_hash="y", by=BY)
    assert await start(database, as_checked) is None

    as_checked = await get(database, as_checked)
    async with database.writing() as db:
        await service.disable(db, id=as_checked.id, by=BY)
    assert await start(database, as_checked) is None


async def test_a_sign_in_that_waits_for_a_change_sees_it(database: Database) -> None:
    account = await make(database, "bob")
    async with database.writing() as db:
        await service.disable(db, id=account.id, by=BY)
        waiting = asyncio.create_task(start(database, account))
        await asyncio.sleep(0.2)

    assert await waiting is None


async def test_of_two_passwords_set_at_once_the_second_is_told(database: Database) -> None:
    seen = await make(database, "bob")
    async with database.writing() as db:
        await service.put_password(db, account=seen, password_hash="first", by=BY)

    with pytest.raises(Conflict):
        async with database.writing() as db:
            await service.put_password(db, account=seen, password_hash="second", by=BY)

    assert (await get(database, seen)).userpwd == "first"


async def test_ten_first_sign_ins_at_once_all_begin_a_session(
    database: Database, passwords: Passwords
) -> None:
    account = await make(database, "bob")
    async with database.writing() as db:
        await db.execute(update(Account).values(userpwd="as typed"))

    begun = await asyncio.gather(
        *(
            login.sign_in(
                database,
                passwords,
                username="bob",
                password="as typed",
                stay=browsers.LONG,
                address="",
                device="",
            )
            for _ in range(10)
        )
    )

    ids = {each[1] for each in begun if each}
    assert len(ids) == 10
    async with database.reading() as db:
        visit = await browsers.resume(db, id=ids.pop())
    assert visit is not None
    assert (visit.account.id, visit.stay) == (account.id, browsers.LONG)


async def test_a_registration_names_every_field_that_it_refuses(
    database: Database, passwords: Passwords
) -> None:
    with pytest.raises(Invalid) as refused:
        await login.register(
            database, passwords, username=" ", password="short", is_admin=False, by=BY
        )
    codes = {name: each.code for name, each in refused.value.fields.items()}
    assert codes == {"username": "spaces", "password": "too-short"}


async def test_sign_ins_are_counted_by_the_day(database: Database) -> None:
    account = await make(database, "bob")
    day = now().date() - timedelta(days=2)
    first = datetime.combine(day, time(0, 59, 59, 999_999), UTC)
    for hours in (0, 23, 35, 47):
        session = await start(database, account)
        at = first + timedelta(hours=hours)
        async with database.writing() as db:
            of_it = LoginSession.id == session
            await db.execute(update(LoginSession).where(of_it).values(created_at=at))

    async with database.reading() as db:
        counted = await service.sign_ins_by_day(db, since=first)
        later = await service.sign_ins_by_day(db, since=first + timedelta(microseconds=1))

    next_day = day + timedelta(days=1)
    assert counted == {day: Count(2), next_day: Count(2)}
    assert later == {day: Count(1), next_day: Count(2)}


@pytest.mark.parametrize("change", ["disable", "set_admin"])
async def test_a_sign_in_waits_for_a_change_under_way_and_sees_it(
    change: str, database: Database
) -> None:
    await make(database, "root", is_admin=True)
    ann = await make(database, "ann", is_admin=True)

    async with database.writing() as db:
        if change == "disable":
            await service.disable(db, id=ann.id, by=BY)
        else:
            await service.set_admin(db, id=ann.id, is_admin=False, by=BY)
        starting = asyncio.create_task(start(database, ann))
        await asyncio.sleep(0.1)
        assert not starting.done()

    assert await starting is None
