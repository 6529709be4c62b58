"""Signing in: what it takes, what it costs, and what it leaves in the table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from sqlalchemy import text

from quartapp.accounts import service
from quartapp.accounts.login import authenticate, hash_all, is_accepted
from quartapp.accounts.passwords import Passwords
from quartapp.db.database import Database
from quartapp.testing import BY

BROKEN = {
    "no parameters": "$argon2id$",
    "cut off": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0",
    "no ASCII": "$argon2id$你好",
    "no base64": "$argon2id$v=19$m=19456,t=2,p=1$!!!$???",
    "more memory than there is": "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
    "aGFzaGhhc2hoYXNoaGFzaA",
}


class CountedPasswords(Passwords):
    """Counts the runs of Argon2."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    async def _run(self, work, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.runs += 1
        return await super()._run(work, *args, **kwargs)


@pytest_asyncio.fixture
async def passwords() -> AsyncIterator[CountedPasswords]:
    """Passwords whose runs are counted."""
    made = CountedPasswords()
    yield made
    made.close()


async def put(database: Database, username: str, userpwd: str) -> None:
    async with database.writing() as db:
        await service.create(db, username=username, password_hash=userpwd, by=BY)


async def disable(database: Database, username: str) -> None:
    async with database.writing() as db:
        account = await service.find(db, username=username)
        assert account is not None
        await service.disable(db, id=account.id, by=BY)


async def kept(database: Database, username: str) -> str:
    async with database.reading() as db:
        account = await service.find(db, username=username)
    assert account is not None
    return account.userpwd


async def test_the_right_password_signs_in(database: Database, passwords: CountedPasswords) -> None:
    await put(database, "admin", await passwords.hash("密码 123"))

    account = await authenticate(database, passwords, username="admin", password="密码 123")

    assert account is not None
    assert account.username == "admin"


@pytest.mark.parametrize(
    "password", ["", "x", "secret ", "Secret", "secret\0", "s" * 10_000, "\ud800"]
)
async def test_a_wrong_password_does_not(
    database: Database, passwords: CountedPasswords, password: str
) -> None:
    await put(database, "admin", await passwords.hash("secret"))
    await put(database, "plain", "secret")

    for name in ("admin", "plain"):
        assert await authenticate(database, passwords, username=name, password=password) is None


@pytest.mark.parametrize("userpwd", ["secret", None])
async def test_a_disabled_account_does_not_and_stays_as_it_is(
    database: Database, passwords: CountedPasswords, userpwd: str | None
) -> None:
    await put(database, "first", "x")
    await put(database, "bob", userpwd or await passwords.hash("secret"))
    before = await kept(database, "bob")
    await disable(database, "bob")

    assert await authenticate(database, passwords, username="bob", password="secret") is None
    assert not await is_accepted(database, passwords, username="bob", password="secret")
    assert await kept(database, "bob") == before


@pytest.mark.parametrize("name", ["", "Admin", "admin ", " admin", "x" * 31, "\ud800", "a\0", "%"])
async def test_an_unknown_name_does_not(
    database: Database, passwords: CountedPasswords, name: str
) -> None:
    await put(database, "admin", "secret")

    assert await authenticate(database, passwords, username=name, password="secret") is None


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("unknown", "secret"),
        ("hashed", "secret"),
        ("hashed", "wrong"),
        ("plain", "secret"),
        ("plain", "wrong"),
        ("disabled", "secret"),
        ("disabled", "wrong"),
        ("hashed", "x" * 1_000_000),
        ("plain", "x" * 1_000_000),
        *((f"broken {n}", "secret") for n in range(len(BROKEN))),
    ],
)
async def test_every_attempt_costs_one_run_of_argon2(
    database: Database, username: str, password: str
) -> None:
    passwords = CountedPasswords()
    await put(database, "hashed", await passwords.hash("secret"))
    await put(database, "plain", "secret")
    for number, broken in enumerate(BROKEN.values()):
        await put(database, f"broken {number}", broken)
    await put(database, "disabled", await passwords.hash("secret"))
    await disable(database, "disabled")
    passwords.runs = 0

    await authenticate(database, passwords, username=username, password=password)
    passwords.close()

    # What is no hash is refused before Argon2 begins, so the run is made up for by another.
    assert passwords.runs == (2 if username.startswith("broken") else 1)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_hash_lets_nobody_in_and_stays(
    database: Database, passwords: CountedPasswords, broken: str
) -> None:
    await put(database, "admin", broken)

    for password in (broken, "", "secret"):
        assert await authenticate(database, passwords, username="admin", password=password) is None
    assert await kept(database, "admin") == broken


async def test_a_plaintext_password_is_replaced_by_its_hash_at_login(
    database: Database, passwords: CountedPasswords
) -> None:
    await put(database, "admin", "123456")

    assert await authenticate(database, passwords, username="admin", password="123456")

    encoded = await kept(database, "admin")
    assert await passwords.verify(encoded, "123456")
    assert await authenticate(database, passwords, username="admin", password="123456")
    assert await kept(database, "admin") == encoded


async def test_a_wrong_attempt_leaves_a_plaintext_password_as_it_is(
    database: Database, passwords: CountedPasswords
) -> None:
    await put(database, "admin", "123456")

    await authenticate(database, passwords, username="admin", password="1234567")

    assert await kept(database, "admin") == "123456"


async def test_ten_first_logins_at_once_all_succeed(
    database: Database, passwords: CountedPasswords
) -> None:
    await put(database, "admin", "123456")

    accounts = await asyncio.gather(
        *(authenticate(database, passwords, username="admin", password="123456") for _ in range(10))
    )

    assert all(accounts)
    assert await passwords.verify(await kept(database, "admin"), "123456")


async def test_a_password_changed_during_the_login_is_not_overwritten(
    database: Database, passwords: CountedPasswords
) -> None:
    await put(database, "admin", "old")
    login = asyncio.create_task(authenticate(database, passwords, username="admin", password="old"))
    while passwords.runs == 0:  # noqa: ASYNC110 - it has read the row and hashes
        await asyncio.sleep(0)
    async with database.writing() as db:
        await db.execute(text("UPDATE t_admin SET userpwd = 'new'"))
    await login

    assert await kept(database, "admin") == "new"


async def test_a_hash_of_older_parameters_is_renewed_at_login(
    database: Database, passwords: CountedPasswords
) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("secret")
    await put(database, "admin", old)

    assert await authenticate(database, passwords, username="admin", password="secret")

    renewed = await kept(database, "admin")
    assert "m=19456,t=2,p=1" in renewed
    assert await passwords.verify(renewed, "secret")


async def test_all_plaintext_passwords_are_hashed_and_counted(
    database: Database, passwords: CountedPasswords
) -> None:
    already = await passwords.hash("x")
    await put(database, "hashed", already)
    for number in range(5):
        await put(database, f"plain {number}", f"secret {number}")

    assert await hash_all(database, passwords) == 5
    assert await hash_all(database, passwords) == 0

    assert await kept(database, "hashed") == already
    assert await authenticate(database, passwords, username="plain 3", password="secret 3")


@pytest.mark.parametrize("userpwd", ["123456", None])
async def test_whether_somebody_could_sign_in_is_told_without_a_change(
    database: Database, passwords: CountedPasswords, userpwd: str | None
) -> None:
    userpwd = userpwd or await passwords.hash("123456")
    await put(database, "admin", userpwd)

    tried = [
        await is_accepted(database, passwords, username=name, password=password)
        for name, password in [("admin", "123456"), ("admin", "x"), ("nobody", "123456")]
    ]

    assert tried == [True, False, False]
    assert await kept(database, "admin") == userpwd
