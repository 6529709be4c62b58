"""`quartapp files`."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from quartapp.files.storage import ABANDONED
from tests.cli.conftest import ON_SQLITE, Run

pytestmark = ON_SQLITE


async def test_a_sweep_removes_what_no_house_has_for_a_day(migrated: Run, tmp_path: Path) -> None:
    folder = tmp_path / "instance" / "files" / "0f"
    folder.mkdir(parents=True)
    for name, age in (("0f" * 16, 2 * ABANDONED), ("0f" * 15 + "ab", 10)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)

    result = await migrated("files", "sweep")

    assert result.stdout == "Removed: 0 drafts, 1 files that no house has\n"
    assert result.exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["0f" * 15 + "ab"]


async def test_a_sweep_fails_for_a_file_that_is_lost(migrated: Run, tmp_path: Path) -> None:
    row = ("i" * 32, "1", "n", "text/plain", 1, "0" * 64, "0f" * 16, 0, "2026-01-01 00:00:00", "a")
    with sqlite3.connect(tmp_path / "empty.db") as database:
        database.execute("INSERT INTO house_file VALUES (?,?,?,?,?,?,?,?,?,?)", row)
    database.close()

    result = await migrated("files", "sweep")

    assert result.exit_code == 1
    assert "Lost: " + "0f" * 16 in result.stderr
    assert "1 files are not in" in result.stderr
