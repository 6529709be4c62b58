"""Migrations on an empty database: where they lead, back again, and several at once."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest
from alembic.operations import Operations
from sqlalchemy.exc import OperationalError

from quartapp.app import METADATA
from quartapp.core.errors import Conflict, Invalid, NotReady
from quartapp.db import adoption, migrate, migration_lock
from quartapp.db.database import Database
from tests.db.helpers import make_tutorial_tables, run, schema
from tests.servers import MariaDB

UPGRADE = """
import asyncio, sys
from quartapp.db import migrate
from quartapp.db.database import Database

async def main():
    database = Database(sys.argv[1])
    await migrate.upgrade(database)
    await database.close()

asyncio.run(main())
"""


async def test_the_migrations_lead_to_what_the_models_say(empty_database: Database) -> None:
    await migrate.upgrade(empty_database)

    assert await migrate.current(empty_database) == migrate.head()
    assert await migrate.differences(empty_database, METADATA) == []


async def test_a_difference_from_the_models_is_found(empty_database: Database) -> None:
    await migrate.upgrade(empty_database)
    await run(empty_database, "ALTER TABLE login_session DROP COLUMN device")

    (difference,) = await migrate.differences(empty_database, METADATA)

    assert "device" in difference


async def test_a_column_of_another_collation_is_found(mysql_url: str) -> None:
    database = Database(mysql_url)
    await migrate.upgrade(database)
    await run(
        database,
        "ALTER TABLE t_admin MODIFY username varchar(30) CHARACTER SET utf8mb4 "
        "COLLATE utf8mb4_general_ci NOT NULL",
    )

    assert await migrate.differences(database, METADATA) == [
        "t_admin.username has the collation utf8mb4_general_ci"
    ]
    await database.close()


async def test_an_upgrade_of_a_database_that_is_there_changes_nothing(
    empty_database: Database,
) -> None:
    await migrate.upgrade(empty_database)
    before = await schema(empty_database)

    await migrate.upgrade(empty_database)

    assert await schema(empty_database) == before


async def test_down_and_up_again_gives_the_same(empty_database: Database) -> None:
    await migrate.upgrade(empty_database)
    before = await schema(empty_database)

    await migrate.downgrade(empty_database, "base")
    assert await migrate.current(empty_database) is None
    assert "base_house" not in await schema(empty_database)
    await migrate.upgrade(empty_database)

    assert await schema(empty_database) == before


async def test_a_downgrade_that_would_lose_rows_is_refused(empty_database: Database) -> None:
    await migrate.upgrade(empty_database)
    await run(empty_database, "INSERT INTO base_house (id) VALUES ('1')")
    before = await schema(empty_database)

    with pytest.raises(Conflict, match="base_house holds 1 row"):
        await migrate.downgrade(empty_database, "base")

    assert await schema(empty_database) == before
    assert await migrate.current(empty_database) == migrate.head()


async def test_a_step_that_fails_leaves_the_version_of_the_one_before(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.upgrade(empty_database)

    def drop(self: Operations, name: str) -> None:
        if name == "t_admin":
            raise ZeroDivisionError
        self.execute(f"DROP TABLE {name}")

    monkeypatch.setattr(Operations, "drop_table", drop)
    with pytest.raises(ZeroDivisionError):
        await migrate.downgrade(empty_database, "base")
    monkeypatch.undo()

    # SQLite takes all of it back; MySQL keeps the steps that came to their end.
    kept = migrate.head() if empty_database.url.get_backend_name() == "sqlite" else "0001"
    assert await migrate.current(empty_database) == kept
    await migrate.upgrade(empty_database)
    assert await migrate.differences(empty_database, METADATA) == []


@pytest.mark.parametrize("revision", ["nix", "-9"])
async def test_an_unknown_revision_is_refused(empty_database: Database, revision: str) -> None:
    await migrate.upgrade(empty_database)

    with pytest.raises(Invalid):
        await migrate.downgrade(empty_database, revision)


async def test_a_database_of_a_newer_version_is_refused(empty_database: Database) -> None:
    await migrate.upgrade(empty_database)
    await run(empty_database, "UPDATE quartapp_version SET version_num = '9999'")

    with pytest.raises(Invalid, match="9999"):
        await migrate.upgrade(empty_database)


async def test_several_processes_that_upgrade_at_once_all_succeed(empty_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", UPGRADE, empty_url]
    processes = [
        await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in processes]

    assert errors == [""] * 4
    database = Database(empty_url)
    assert await migrate.differences(database, METADATA) == []
    await database.close()


async def test_several_databases_are_upgraded_in_one_event_loop(
    tmp_path: Path, mysql_url: str
) -> None:
    urls = [f"sqlite+aiosqlite:///{tmp_path / name}" for name in ("a", "b", "c")]
    databases = [Database(url) for url in [*urls, mysql_url]]

    await asyncio.gather(*(migrate.upgrade(database) for database in databases * 2))

    for database in databases:
        assert await migrate.current(database) == migrate.head()
        await database.close()


async def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'deep' / 'down' / 'quartapp.db'}")
    await migrate.upgrade(database)
    await database.close()

    assert (tmp_path / "deep" / "down" / "quartapp.db").exists()


async def test_a_database_in_memory_is_migrated_and_stays() -> None:
    database = Database("sqlite+aiosqlite://")
    await migrate.upgrade(database)

    assert await migrate.differences(database, METADATA) == []
    await database.close()


async def test_sqlite_is_given_up_when_another_process_keeps_it_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_lock, "LOCK_TIMEOUT", 0.2)
    other = sqlite3.connect(tmp_path / "quartapp.db", isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'quartapp.db'}")

    with pytest.raises(NotReady, match="locked"):
        await migrate.upgrade(database)

    other.execute("ROLLBACK")
    other.close()
    await migrate.upgrade(database)
    await database.close()


async def test_mysql_is_given_up_when_another_process_keeps_migrating(
    mysql_url: str, mysql_server: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_lock, "LOCK_TIMEOUT", 1)
    database = Database(mysql_url)
    with mysql_server.connect(database.url.database) as other, other.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(CONCAT('quartapp.', MD5(DATABASE())), 0)")

        with pytest.raises(NotReady, match="another process"):
            await migrate.upgrade(database)

    await migrate.upgrade(database)
    await database.close()


async def test_a_table_that_a_transaction_holds_is_not_waited_for_without_end(
    mysql_url: str, mysql_server: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_lock, "TABLE_LOCK_TIMEOUT", 1)
    database = Database(mysql_url)
    await make_tutorial_tables(database)
    with mysql_server.connect(database.url.database) as other, other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM t_admin")

        with pytest.raises(OperationalError, match="Lock wait timeout"):
            await migrate.upgrade(database)

    # The other table was converted before; what is left is done by the next upgrade.
    await migrate.upgrade(database)
    assert await migrate.differences(database, METADATA) == []
    await database.close()


async def test_an_upgrade_that_fails_in_the_middle_leaves_sqlite_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'quartapp.db'}")
    await make_tutorial_tables(database)
    before = await schema(database)
    rebuild = adoption._rebuild
    monkeypatch.setattr(
        adoption, "_rebuild", lambda table: rebuild(table) if table.name != "t_admin" else 1 / 0
    )

    with pytest.raises(ZeroDivisionError):
        await migrate.upgrade(database)

    assert await schema(database) == before
    await database.close()


async def test_after_an_upgrade_foreign_keys_are_watched_again(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'quartapp.db'}")
    await migrate.upgrade(database)

    assert await run(database, "PRAGMA foreign_keys") == [(1,)]
    assert await run(database, "PRAGMA busy_timeout") == [(5000,)]
    await database.close()
