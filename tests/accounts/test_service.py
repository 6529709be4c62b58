"""Accounts: who can have one, and finding them to the letter."""

from __future__ import annotations

import pytest

from quartapp.accounts import service
from quartapp.accounts.demo import sow_admin
from quartapp.core.errors import Conflict, Invalid
from quartapp.db.database import Database
from quartapp.testing import BY


async def create(database: Database, username: str) -> None:
    async with database.writing() as db:
        await service.create(db, username=username, password_hash="x", by=BY)


async def names(database: Database) -> list[str]:
    async with database.reading() as db:
        return [account.username for account in await service.everyone(db)]


@pytest.mark.parametrize("username", ["a", "管理员", "😀", "two words", "n" * 30, "O'Neil; --"])
async def test_an_account_is_made_and_found(database: Database, username: str) -> None:
    await create(database, username)

    async with database.reading() as db:
        account = await service.find(db, username=username)
    assert account is not None
    assert account.username == username


@pytest.mark.parametrize(
    "username", ["", " ", " a", "a ", "\t", "a\nb", "a\0", "n" * 31, "\ud800", "\u200e"]
)
async def test_a_name_that_cannot_be_one_is_refused(database: Database, username: str) -> None:
    with pytest.raises(Invalid):
        await create(database, username)

    assert await names(database) == []


async def test_a_name_that_is_taken_is_refused(database: Database) -> None:
    await create(database, "admin")

    with pytest.raises(Conflict, match="'admin'"):
        await create(database, "admin")

    assert await names(database) == ["admin"]


async def test_names_in_another_case_are_other_names(database: Database) -> None:
    for name in ("admin", "Admin", "ädmin"):
        await create(database, name)

    assert await names(database) == ["Admin", "admin", "ädmin"]


async def test_the_demo_account_goes_into_an_empty_table_only(database: Database) -> None:
    async with database.writing() as db:
        assert await sow_admin(db, password_hash="x")
    async with database.writing() as db:
        assert not await sow_admin(db, password_hash="x")

    assert await names(database) == ["admin"]
