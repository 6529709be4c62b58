"""`quartapp users`."""

from __future__ import annotations

import pytest

from quartapp.accounts import service
from quartapp.accounts.browsers import LONG, start
from quartapp.accounts.login import is_accepted
from quartapp.accounts.passwords import Passwords
from quartapp.db.database import Database
from tests.cli.conftest import ON_SQLITE, SECRETS, Run, refused
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


@ON_SQLITE
async def test_a_password_costs_what_the_settings_say(
    migrated: Run, empty_database: Database
) -> None:
    cheap = {"password_time_cost": "1", "password_memory_kib": "1024"}
    hashes = []
    typed = "INSERT INTO t_admin (id, username, userpwd) VALUES (9, 'z', 'as it was typed')"
    for words in (("create", "a"), ("password", "a"), ("hash-passwords",)):
        option = () if words == ("hash-passwords",) else ("--password-stdin",)
        await migrated("users", *words, *option, stdin=f"long enough {words}", **cheap)
        rows = await sql(empty_database, "SELECT userpwd FROM t_admin ORDER BY id")
        hashes += [rows[-1][0]]
        if words[0] == "password":
            await sql(empty_database, typed)

    assert len(set(hashes)) == 3
    assert {hash.split("$")[3] for hash in hashes} == {"m=1024,t=1,p=1"}


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
    ("password", "why"),
    [
        ("short", "fewer than 8"),
        ("x" * 129, "more than 128"),
        ("Password", "commonest"),
        ("ann smith", "user name"),
    ],
)
async def test_a_poor_password_is_warned_of_in_development_and_refused_in_production(
    migrated: Run, password: str, why: str
) -> None:
    for command in ("create", "password"):
        words = ("users", command, "Ann Smith", "--password-stdin")

        refused(await migrated(*words, stdin=password, **PRODUCTION), why)
        warned = await migrated(*words, stdin=password)

        assert warned.exit_code == 0
        assert warned.stderr.startswith("Warning: ")
        assert why in warned.stderr


async def listed(run: Run) -> dict[str, list[str]]:
    """What `users list` says beside the password, by the names."""
    lines = (await run("users", "list")).stdout.splitlines()
    return {name: marks for _, name, _, *marks in (line.split("\t") for line in lines)}


async def with_accounts(run: Run) -> None:
    """Make an admin, ann, and bob."""
    for name in ("ann", "bob"):
        await run("users", "create", name, "--password-stdin", stdin="long enough")


async def test_the_first_account_is_an_admin_s_and_others_if_asked_for(migrated: Run) -> None:
    await with_accounts(migrated)
    words = ("users", "create", "--admin", "eve", "--password-stdin")
    assert (await migrated(*words, stdin="long enough")).exit_code == 0

    assert await listed(migrated) == {"ann": ["admin"], "bob": [], "eve": ["admin"]}


async def test_roles_are_given_and_taken(migrated: Run) -> None:
    await with_accounts(migrated)

    result = await migrated("users", "admin", "bob", "on")
    assert (result.stdout, result.stderr) == ("bob is an admin now.\n", "")
    result = await migrated("users", "admin", "ann", "off")
    assert (result.stdout, result.stderr) == ("ann is no admin now.\n", "")

    assert await listed(migrated) == {"ann": [], "bob": ["admin"]}
    refused(await migrated("users", "admin", "bob", "off"), "last admin")


async def test_an_account_is_disabled_and_enabled(migrated: Run, empty_database: Database) -> None:
    await with_accounts(migrated)

    result = await migrated("users", "disable", "bob")
    assert (result.stdout, result.stderr) == ("Account bob is disabled.\n", "")
    assert await listed(migrated) == {"ann": ["admin"], "bob": ["disabled"]}
    assert not await accepted(empty_database, "bob", "long enough")

    result = await migrated("users", "enable", "bob")
    assert (result.stdout, result.stderr) == ("Account bob is enabled.\n", "")
    assert await accepted(empty_database, "bob", "long enough")
    refused(await migrated("users", "disable", "ann"), "last admin")


async def test_a_new_password_ends_the_sessions_and_is_written_down(
    migrated: Run, empty_database: Database
) -> None:
    await with_accounts(migrated)
    async with empty_database.writing() as db:
        account = await service.find(db, username="bob")
        assert account is not None
        await start(db, account=account, stay=LONG, address="", device="")

    words = ("users", "password", "bob", "--password-stdin")
    result = await migrated(*words, stdin="another one\n")

    assert (result.stdout, result.stderr) == ("The password of bob is set.\n", "")
    assert await accepted(empty_database, "bob", "another one")
    assert await sql(empty_database, "SELECT revoked_reason FROM login_session") == [("password",)]
    last = "SELECT actor, action, detail FROM audit_entry ORDER BY id DESC LIMIT 1"
    assert await sql(empty_database, last) == [("command line", "account.password", "{}")]


@pytest.mark.parametrize("words", [["admin", "x", "on"], ["disable", "x"], ["enable", "x"]])
async def test_a_name_that_nobody_has_is_refused(migrated: Run, words: list[str]) -> None:
    refused(await migrated("users", *words), "there is no account 'x'")
    words = ["users", "password", "x", "--password-stdin"]
    refused(await migrated(*words, stdin="long enough"), "there is no account 'x'")


async def test_passwords_as_typed_are_hashed_and_counted(
    migrated: Run, empty_database: Database
) -> None:
    await migrated("users", "create", "one", "--password-stdin", stdin="long enough")
    await sql(
        empty_database,
        "INSERT INTO t_admin (username, userpwd) VALUES ('two', '123456'), ('three', '密码')",
    )

    assert (await migrated("users", "list")).stdout == (
        "1\tone\thashed\tadmin\n3\tthree\tplaintext\n2\ttwo\tplaintext\n"
    )
    assert (await migrated("users", "hash-passwords")).stdout == "Passwords hashed: 2\n"
    assert (await migrated("users", "hash-passwords")).stdout == "Passwords hashed: 0\n"
    assert "plaintext" not in (await migrated("users", "list")).stdout
    assert await accepted(empty_database, "three", "密码")
