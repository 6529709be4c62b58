"""`quartapp users`."""

from __future__ import annotations

import pytest

from quartapp.accounts.login import is_accepted
from quartapp.accounts.passwords import Passwords
from quartapp.db.database import Database
from tests.cli.conftest import SECRETS, Run, refused
from tests.db.helpers import run as sql

PRODUCTION = {"env": "production"} | {
    name.removeprefix("QUARTAPP_").lower(): value for name, value in SECRETS.items()
}


async def accepted(database: Database, username: str, password: str) -> bool:
    passwords = Passwords()
    try:
        return await is_accepted(database, passwords, username=username, password=password)
    finally:
        passwords.close()


@pytest.mark.parametrize("end", ["\n", "\r\n", "", "\nsecond line\n"])
async def test_an_account_is_made_with_the_password_of_the_first_line(
    migrated: Run, empty_database: Database, end: str
) -> None:
    result = await migrated(
        "users", "create", "管理员", "--password-stdin", stdin=f"密码 12345 {end}"
    )

    assert (result.stdout, result.stderr) == ("Account 管理员 is made.\n", "")
    assert await accepted(empty_database, "管理员", "密码 12345 ")


async def test_without_the_option_the_password_is_asked_for_twice(
    migrated: Run, empty_database: Database
) -> None:
    result = await migrated("users", "create", "admin", stdin="long enough\nlong enough\n")

    assert result.exit_code == 0
    assert "long enough" not in result.output
    assert await accepted(empty_database, "admin", "long enough")


async def test_a_name_that_is_taken_is_refused(migrated: Run) -> None:
    for _ in range(2):
        result = await migrated("users", "create", "a", "--password-stdin", stdin="long enough")

    refused(result, "there is an account 'a' already")


@pytest.mark.parametrize("name", ["", " a", "n" * 31])
async def test_a_name_that_cannot_be_one_is_refused(migrated: Run, name: str) -> None:
    result = await migrated("users", "create", name, "--password-stdin", stdin="long enough")

    refused(result, "name")


@pytest.mark.parametrize(("stdin", "why"), [("", "empty"), ("\n", "empty"), (b"\xff\n", "UTF-8")])
async def test_no_password_is_no_account(migrated: Run, stdin: str | bytes, why: str) -> None:
    refused(await migrated("users", "create", "a", "--password-stdin", stdin=stdin), why)
    assert (await migrated("users", "list")).stdout == ""


@pytest.mark.parametrize(
    ("password", "why"), [("short", "fewer than 8"), ("x" * 129, "more than 128")]
)
async def test_a_poor_password_is_warned_of_in_development_and_refused_in_production(
    migrated: Run, password: str, why: str
) -> None:
    words = ("users", "create", "a", "--password-stdin")

    refused(await migrated(*words, stdin=password, **PRODUCTION), why)
    warned = await migrated(*words, stdin=password)

    assert warned.exit_code == 0
    assert warned.stderr.startswith("Warning: ")
    assert why in warned.stderr


async def test_passwords_as_typed_are_hashed_and_counted(
    migrated: Run, empty_database: Database
) -> None:
    await migrated("users", "create", "one", "--password-stdin", stdin="long enough")
    await sql(
        empty_database,
        "INSERT INTO t_admin (username, userpwd) VALUES ('two', '123456'), ('three', '密码')",
    )

    assert (await migrated("users", "list")).stdout == (
        "1\tone\thashed\n3\tthree\tplaintext\n2\ttwo\tplaintext\n"
    )
    assert (await migrated("users", "hash-passwords")).stdout == "Passwords hashed: 2\n"
    assert (await migrated("users", "hash-passwords")).stdout == "Passwords hashed: 0\n"
    assert "plaintext" not in (await migrated("users", "list")).stdout
    assert await accepted(empty_database, "three", "密码")
