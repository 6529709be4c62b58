"""`quartapp db backup` and `quartapp db restore`."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from quartapp.db import migrate
from quartapp.db.database import Database
from tests.cli.conftest import ON_SQLITE, Run, refused
from tests.db.helpers import run as sql

HEAD = migrate.head()
PAIRS = 400  # rows written in twos: a copy of any one moment holds an even number


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that the tables hold."""
    with closing(sqlite3.connect(file)) as database:
        names = [
            n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {name: sorted(database.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


@contextmanager
def written_to(file: Path) -> Iterator[threading.Event]:
    """Somebody else writes pairs of rows all the time; the event says that some are there."""
    over, some = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as database:
            for n in range(10**6):
                if over.is_set():
                    return
                database.execute("BEGIN IMMEDIATE")
                for half in "ab":
                    values = (f"{n}{half}", "x" * 128)
                    database.execute(
                        "INSERT INTO base_house (id, project_name) VALUES (?,?)", values
                    )
                database.execute("COMMIT")
                if n >= PAIRS:
                    some.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield some
    finally:
        over.set()
        writer.join()


@ON_SQLITE
async def test_a_backup_under_writes_is_of_one_moment_and_comes_back_as_it_was(
    migrated: Run, tmp_path: Path
) -> None:
    here, copy = tmp_path / "empty.db", tmp_path / "copy.db"
    await migrated("users", "create", "ann", "--password-stdin", stdin="long enough 1")

    with written_to(here) as some:
        assert await asyncio.to_thread(some.wait, 60)
        made = await migrated("db", "backup", str(copy))
    taken, after = await asyncio.to_thread(rows, copy), await asyncio.to_thread(rows, here)
    with closing(sqlite3.connect(here)) as database:
        database.execute("DELETE FROM base_house")
        database.commit()
    restored = await migrated("db", "restore", str(copy))

    assert (made.exit_code, made.stdout) == (0, f"{copy}: {copy.stat().st_size} bytes\n")
    assert "files and keys" in made.stderr
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert PAIRS * 2 <= len(taken["base_house"]) <= len(after["base_house"])
    assert len(taken["base_house"]) % 2 == 0
    assert restored.exit_code == 0, restored.output
    assert await asyncio.to_thread(rows, here) == taken
    assert (await migrated("db", "check")).exit_code == 0
    [kept] = tmp_path.glob("empty.db.before-*")
    assert str(kept) in restored.stdout
    assert (await asyncio.to_thread(rows, kept))["base_house"] == []
    assert not list(tmp_path.glob(".*"))


@ON_SQLITE
async def test_a_backup_takes_no_files_place(migrated: Run, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")

    refused(await migrated("db", "backup", "copy.db"), "copy.db is there already")
    assert (tmp_path / "copy.db").read_text() == "mine"
    refused(await migrated("db", "backup", "no/where.db"), "No such file or directory")


@ON_SQLITE
async def test_what_is_no_backup_is_refused_and_nothing_changed(
    migrated: Run, tmp_path: Path
) -> None:
    here = tmp_path / "empty.db"
    assert (await migrated("db", "backup", "good.db")).exit_code == 0
    before, good = await asyncio.to_thread(rows, here), (tmp_path / "good.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(good[: len(good) // 2])
    (tmp_path / "text.db").write_text("no database " * 500)
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (x)")
    (tmp_path / "newer.db").write_bytes(good)
    with closing(sqlite3.connect(tmp_path / "newer.db")) as database:
        database.execute(f"UPDATE {migrate.VERSIONS} SET version_num = '9999'")
        database.commit()

    for name, why in {
        "none.db": "there is no file",
        "cut.db": "cut.db",
        "text.db": "not a database",
        "other.db": "is no database of quartapp's",
        "newer.db": "at revision 9999, which this version does not know",
    }.items():
        refused(await migrated("db", "restore", name), why)
    assert await asyncio.to_thread(rows, here) == before
    assert not list(tmp_path.glob("*.before-*")) + list(tmp_path.glob(".*"))


@ON_SQLITE
async def test_nothing_is_restored_below_a_server(
    migrated: Run, empty_database: Database, tmp_path: Path
) -> None:
    assert (await migrated("db", "backup", "copy.db")).exit_code == 0
    await sql(empty_database, "INSERT INTO base_house (id) VALUES ('1')")  # stays connected

    refused(await migrated("db", "restore", "copy.db"), "is open: stop the server first")
    assert await sql(empty_database, "SELECT COUNT(*) FROM base_house") == [(1,)]

    await empty_database.close()
    assert (await migrated("db", "restore", "copy.db")).exit_code == 0
    assert await sql(empty_database, "SELECT COUNT(*) FROM base_house") == [(0,)]


@ON_SQLITE
async def test_an_old_backup_is_brought_up_and_replaces_a_damaged_database(
    run: Run, tmp_path: Path
) -> None:
    await run("db", "upgrade")
    await run("db", "downgrade", "0001")
    assert (await run("db", "backup", "old.db")).exit_code == 0
    (tmp_path / "empty.db").write_bytes(b"damaged " * 1000)
    (tmp_path / "empty.db-wal").write_bytes(b"what was written last")

    assert (await run("db", "restore", "old.db")).exit_code == 0

    assert (await run("db", "check")).stdout == f"{HEAD}: as it should be\n"
    kept = {path.read_bytes()[:7] for path in tmp_path.glob("empty.db.before-*")}
    assert kept == {b"damaged", b"what wa"}


@ON_SQLITE
async def test_a_mysql_server_is_left_to_its_own_tools(run: Run) -> None:
    url = "mysql+aiomysql://ann:geheim@db.example/house"

    for word, line in {
        "backup": "mysqldump --single-transaction --hex-blob --host=db.example --port=3306 "
        "--user=ann --password house > there.sql",
        "restore": "mysql --host=db.example --port=3306 --user=ann --password house < there.sql",
    }.items():
        result = await run("db", word, "there.sql", database_url=url)
        refused(result, line)
        assert "geheim" not in result.output
