"""The rows that all servers read: one database, made by ours, with the tutorial's two tables."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql

from benchmarks.machine import HASHER

USERNAME, PASSWORD = "admin", "123456"
ALIKE = 20  # houses that share a name, however many there are
BATCH = 10_000

House = tuple[str, str, str, str]


@dataclass(frozen=True)
class Rows:
    """A database with an account and so many houses. `url` is the address as ours knows it."""

    url: str
    count: int

    @property
    def plain_url(self) -> str:
        """The address for programs that are not asynchronous."""
        return self.url.replace("+aiosqlite", "").replace("+aiomysql", "+pymysql")

    @property
    def a_name(self) -> str:
        """A name that `ALIKE` houses have."""
        return f"project {self.count // ALIKE // 2}"


def houses(count: int) -> Iterator[list[House]]:
    """The houses, in batches."""
    names = max(1, count // ALIKE)
    for start in range(0, count, BATCH):
        yield [
            (f"{n:012d}", f"P-{n % 1000:04d}", f"project {n % names}", f"{n} Long Street, Town")
            for n in range(start, min(count, start + BATCH))
        ]


@contextmanager
def rows(count: int, *, server: str, folder: Path) -> Iterator[Rows]:
    """A database with so many houses, gone afterwards.

    It lies in `folder`, or on the MySQL `server` if there is an address of one.
    """
    if server:
        with _on_mysql(f"{server.rstrip('/')}/quartapp_bench_{count}", count) as made:
            yield made
        return
    path = folder / f"houses-{count}.db"
    url = f"sqlite+aiosqlite:///{path}"
    migrate(url, folder)
    with closing(sqlite3.connect(path)) as db:
        for batch in houses(count):
            db.executemany("INSERT INTO base_house VALUES (?, ?, ?, ?)", batch)
        db.execute(
            "INSERT INTO t_admin (username, userpwd) VALUES (?, ?)",
            (USERNAME, HASHER.hash(PASSWORD)),
        )
        db.commit()
        db.execute("ANALYZE")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    yield Rows(url, count)
    path.unlink()


def migrate(url: str, folder: Path) -> None:
    """Make the tables."""
    given = {"QUARTAPP_DATABASE_URL": url, "QUARTAPP_INSTANCE_PATH": str(folder)}
    command = [sys.executable, "-m", "quartapp", "db", "upgrade"]
    subprocess.run(command, env=os.environ | given, check=True, capture_output=True)


@contextmanager
def _on_mysql(url: str, count: int) -> Iterator[Rows]:
    parts = urlsplit(url)
    name = parts.path.strip("/")
    server: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": parts.username,
        "password": parts.password or "",
        "autocommit": True,
    }
    with closing(pymysql.connect(**server)) as db, db.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            migrate(url, Path.cwd())
            cursor.execute(f"USE {name}")
            for batch in houses(count):
                cursor.executemany("INSERT INTO base_house VALUES (%s, %s, %s, %s)", batch)
            cursor.execute(
                "INSERT INTO t_admin (username, userpwd) VALUES (%s, %s)",
                (USERNAME, HASHER.hash(PASSWORD)),
            )
            cursor.execute("ANALYZE TABLE base_house")
            yield Rows(url, count)
        finally:
            cursor.execute(f"DROP DATABASE {name}")
