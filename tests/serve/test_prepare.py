"""What `serve` does to a database before it serves: as little as it may."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.serve.errors import ServeError
from quartapp.serve.prepare import prepare_database
from quartapp.settings import Settings, load_settings

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


def settings(instance: Path, **given: Any) -> Settings:
    """Settings that come from nowhere else."""
    given = {"secret_key": SECRET, "jwt_secret_key": SECRET, "env": "development"} | given
    return load_settings(_env_file=None, instance_path=instance, **given)


def own(path: Path) -> dict[str, str]:
    """The setting that names a database of one's own."""
    return {"database_url": f"sqlite+aiosqlite:///{path}"}


def query(path: Path, statement: str) -> int:
    """A number from a database."""
    with closing(sqlite3.connect(path)) as database, database:
        return int((database.execute(statement).fetchone() or [0])[0])


def rows(path: Path) -> tuple[int, int]:
    """How many houses and accounts a database holds."""
    houses = query(path, "SELECT count(*) FROM base_house")
    return houses, query(path, "SELECT count(*) FROM t_admin")


async def test_demo_rows_are_sown_into_empty_tables_alone(tmp_path: Path) -> None:
    path = tmp_path / "quartapp.db"
    assert await prepare_database(settings(tmp_path)) == (
        "Demo: 25 houses, sign in as admin / 123456"
    )
    query(path, "DELETE FROM base_house WHERE rowid > 3")
    assert await prepare_database(settings(tmp_path)) == ""
    assert rows(path) == (3, 1)
    query(path, "DELETE FROM t_admin")
    assert await prepare_database(settings(tmp_path)) == "Demo: sign in as admin / 123456"
    assert rows(path) == (3, 1)


async def test_the_demo_password_costs_what_the_settings_say(tmp_path: Path) -> None:
    await prepare_database(settings(tmp_path, password_time_cost=1, password_memory_kib=1024))
    cheap = "SELECT count(*) FROM t_admin WHERE userpwd LIKE '%$m=1024,t=1,p=1$%'"
    assert query(tmp_path / "quartapp.db", cheap) == 1


async def test_production_is_migrated_and_gets_no_demo_rows(tmp_path: Path) -> None:
    assert await prepare_database(settings(tmp_path, env="production")) == ""
    assert rows(tmp_path / "quartapp.db") == (0, 0)


async def test_a_database_of_ones_own_gets_no_demo_rows(tmp_path: Path) -> None:
    mine = settings(tmp_path, **own(tmp_path / "own.db"))
    database = Database(mine.database)
    await migrate.upgrade(database)
    await database.close()
    assert await prepare_database(mine) == ""
    assert rows(tmp_path / "own.db") == (0, 0)


async def test_a_database_of_ones_own_is_never_made_or_migrated(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    with pytest.raises(ServeError, match="does not exist yet: run `quartapp db upgrade`"):
        await prepare_database(settings(tmp_path, **own(path)))
    assert not path.exists()

    path.touch()
    with pytest.raises(ServeError, match=r"was never migrated; .* run `quartapp db upgrade`"):
        await prepare_database(settings(tmp_path, **own(path)))
    assert query(path, "SELECT count(*) FROM sqlite_master") == 0


async def test_a_database_of_another_version_is_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    query(path, f"CREATE TABLE {migrate.VERSIONS} (version_num VARCHAR(32))")
    query(path, f"INSERT INTO {migrate.VERSIONS} VALUES ('older')")
    with pytest.raises(ServeError, match=r"is at revision older; .* is needed"):
        await prepare_database(settings(tmp_path, **own(path)))


@pytest.mark.parametrize("embedded", [True, False])
async def test_a_file_that_is_no_database_is_the_reason(tmp_path: Path, embedded: bool) -> None:
    path = tmp_path / "quartapp.db"
    path.write_text("this is no database, it only looks like one" * 100)
    with pytest.raises(ServeError, match="file is not a database") as refusal:
        await prepare_database(settings(tmp_path, **({} if embedded else own(path))))
    assert refusal.value.status == 1


async def test_a_folder_that_cannot_be_had_is_the_reason(tmp_path: Path) -> None:
    given = settings(tmp_path)
    (tmp_path / "file").touch()
    elsewhere = given.model_copy(update={"instance_path": tmp_path / "file" / "instance"})
    with pytest.raises(ServeError, match="Not a directory"):
        await prepare_database(elsewhere)
