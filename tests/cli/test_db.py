"""`quartapp db`."""

from __future__ import annotations

from pathlib import Path

from quartapp.db import migrate
from quartapp.db.database import Database
from tests.cli.conftest import ON_SQLITE, Run, refused
from tests.db.helpers import make_tutorial_tables
from tests.db.helpers import run as sql

HEAD = migrate.head()


async def test_up_and_down_and_up(run: Run) -> None:
    for words, output in [
        ("current", "none\n"),
        ("upgrade", f"none -> {HEAD}\n"),
        ("upgrade", f"{HEAD}: nothing to do\n"),
        ("current", f"{HEAD}\n"),
        ("check", f"{HEAD}: as it should be\n"),
        ("downgrade 0001", f"{HEAD} -> 0001\n"),
        ("downgrade", "0001 -> none\n"),
        ("upgrade", f"none -> {HEAD}\n"),
        ("downgrade base", f"{HEAD} -> none\n"),
        ("current", "none\n"),
    ]:
        result = await run("db", *words.split())
        assert (result.stdout, result.stderr, result.exit_code) == (output, "", 0)


async def test_an_upgrade_sows_nothing(run: Run, empty_database: Database) -> None:
    await run("db", "upgrade")

    assert await sql(empty_database, "SELECT COUNT(*) FROM base_house") == [(0,)]
    assert await sql(empty_database, "SELECT COUNT(*) FROM t_admin") == [(0,)]


async def test_a_tutorial_database_is_taken_over(run: Run, empty_database: Database) -> None:
    await make_tutorial_tables(empty_database)
    await sql(empty_database, "INSERT INTO t_admin VALUES (1, 'admin', '123456')")

    assert (await run("db", "upgrade")).exit_code == 0
    assert (await run("db", "check")).exit_code == 0
    assert (await run("users", "list")).stdout == "1\tadmin\tplaintext\tadmin\n"


async def test_what_is_in_the_way_is_listed(run: Run, empty_database: Database) -> None:
    await make_tutorial_tables(empty_database)
    await sql(empty_database, "INSERT INTO t_admin VALUES (1, NULL, 'x'), (2, 'a', NULL)")

    result = await run("db", "upgrade")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "Error: the tables that exist cannot be taken over; nothing was changed:",
        "  t_admin id 1: username is NULL",
        "  t_admin id 2: userpwd is NULL",
    ]
    assert (await run("db", "current")).stdout == "none\n"


async def test_a_downgrade_that_would_lose_rows_is_refused(
    migrated: Run, empty_database: Database
) -> None:
    await sql(empty_database, "INSERT INTO base_house (id) VALUES ('1')")

    refused(await migrated("db", "downgrade", "base"), "base_house holds 1 row")
    assert (await migrated("db", "current")).stdout == f"{HEAD}\n"


async def test_an_unknown_revision_is_refused(migrated: Run) -> None:
    refused(await migrated("db", "downgrade", "nix"), "nix")


async def test_a_check_finds_what_is_not_as_it_should_be(
    migrated: Run, empty_database: Database
) -> None:
    await sql(empty_database, "ALTER TABLE login_session DROP COLUMN device")

    result = await migrated("db", "check")

    assert result.exit_code == 1
    assert "device" in result.stderr


async def test_a_database_that_is_not_migrated_is_named(run: Run) -> None:
    for words in (["db", "check"], ["users", "list"], ["houses", "export", "x.csv"]):
        result = await run(*words)
        refused(result, "quartapp db upgrade")
    assert not Path("x.csv").exists()


async def test_a_database_that_is_away_is_named_without_its_password(run: Run) -> None:
    for words in (["db", "upgrade"], ["db", "current"], ["users", "list"], ["db", "downgrade"]):
        result = await run(*words, database_url="mysql+aiomysql://root:geheim@127.0.0.1:1/x")
        refused(result, "does not answer: Can't connect")
        assert "geheim" not in result.output


@ON_SQLITE
async def test_bad_settings_are_all_named_and_end_with_2(run: Run) -> None:
    result = await run("db", "current", database_url="oracle://x", max_upload_bytes="0", env="x")

    assert result.exit_code == 2
    for name in ("QUARTAPP_DATABASE_URL", "QUARTAPP_MAX_UPLOAD_BYTES", "QUARTAPP_ENV"):
        assert name in result.stderr


@ON_SQLITE
async def test_only_an_upgrade_makes_a_sqlite_file(run: Run, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'other' / 'new.db'}"

    refused(await run("users", "list", database_url=url), "quartapp db upgrade")
    assert (await run("db", "current", database_url=url)).stdout == "none\n"
    assert not (tmp_path / "other").exists()
    assert (await run("db", "upgrade", database_url=url)).exit_code == 0
    assert (tmp_path / "other" / "new.db").exists()


@ON_SQLITE
async def test_without_an_address_the_embedded_database_is_used(run: Run, tmp_path: Path) -> None:
    result = await run("db", "upgrade", database_url="", instance_path=str(tmp_path / "here"))

    assert result.exit_code == 0
    assert (tmp_path / "here" / "quartapp.db").exists()
