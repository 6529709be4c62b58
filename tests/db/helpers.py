"""Statements run behind the application's back, and what a database looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from quartapp.db.database import Database
from quartapp.db.engine import WRITING

HOUSES = """
    CREATE TABLE base_house (
     id varchar(64) NOT NULL,
     project_no varchar(128) DEFAULT NULL,
     project_name varchar(256) DEFAULT NULL,
     project_address varchar(256) DEFAULT NULL,
     PRIMARY KEY (id)
    )"""
ADMINS = """
    CREATE TABLE t_admin (
     id integer NOT NULL,
     username varchar(30) DEFAULT NULL,
     userpwd varchar(100) DEFAULT NULL,
     PRIMARY KEY (id)
    )"""
TUTORIALS_OPTIONS = {"sqlite": "", "mysql": " ENGINE=InnoDB DEFAULT CHARSET=utf8"}


async def run(database: Database, *statements: str, **values: object) -> Sequence[Sequence[Any]]:
    """Run statements in one transaction; gives back the rows of the last one that has any."""
    rows: Sequence[Sequence[Any]] = []
    async with database.engine.connect() as connection:
        await connection.execution_options(**{WRITING: True})
        for statement in statements:
            result = await connection.execute(text(statement), values)
            rows = result.all() if result.returns_rows else rows
        await connection.commit()
    return [tuple(row) for row in rows]


async def make_tutorial_tables(database: Database, options: str | None = None) -> None:
    """The tables as the tutorial has them, without rows."""
    backend = database.url.get_backend_name()
    end = TUTORIALS_OPTIONS[backend] if options is None else options
    await run(database, HOUSES + end, ADMINS + end)


async def schema(database: Database) -> dict[str, object]:
    """What the database itself says of its tables, for comparison."""
    if database.url.get_backend_name() == "mysql":
        tables = [row[0] for row in await run(database, "SHOW TABLES")]
        shown = {t: str((await run(database, f"SHOW CREATE TABLE {t}"))[0][1]) for t in tables}
        # The next id is no part of the shape.
        return {t: re.sub(r" AUTO_INCREMENT=\d+", "", sql) for t, sql in shown.items()}
    tables = [
        row[0] for row in await run(database, "SELECT name FROM sqlite_master WHERE type='table'")
    ]
    return {
        t: [
            await run(database, f"SELECT * FROM pragma_{what}('{t}')")
            for what in ("table_info", "index_list")
        ]
        for t in tables
    }
