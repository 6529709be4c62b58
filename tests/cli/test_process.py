"""The command as a process of its own, as people run it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from quartapp.db import migrate
from quartapp.houses.demo import CSV


async def quartapp(folder: Path, *words: str, **settings: str) -> tuple[int, str, str]:
    """Run `python -m quartapp`; gives status, standard output and standard error."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("QUARTAPP_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "quartapp", *words),
        cwd=folder,
        env=kept | {f"QUARTAPP_{name.upper()}": value for name, value in settings.items()},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_first_session_on_the_embedded_database(tmp_path: Path) -> None:
    assert await quartapp(tmp_path, "db", "upgrade") == (0, f"none -> {migrate.head()}\n", "")
    assert await quartapp(tmp_path, "houses", "import", str(CSV)) == (
        0,
        "Houses imported: 25\n",
        "",
    )
    assert await quartapp(tmp_path, "houses", "export", "-") == (
        0,
        CSV.read_text(),
        "Houses exported: 25\n",
    )


async def test_failures_are_one_line_and_a_status(tmp_path: Path) -> None:
    assert await quartapp(tmp_path, "users", "list", database_url="nix://") == (
        2,
        "",
        "Error: These settings cannot be used:\n"
        "  QUARTAPP_DATABASE_URL: must begin with sqlite+aiosqlite:// or mysql+aiomysql://\n",
    )
    status, out, err = await quartapp(tmp_path, "users", "list")
    assert (status, out, err.count("\n")) == (1, "", 1)


async def test_without_a_command_it_prints_its_help(tmp_path: Path) -> None:
    _, out, err = await quartapp(tmp_path)

    assert "Usage: python -m quartapp" in out + err


@pytest.mark.slow
async def test_a_terminal_shows_how_far_an_import_is(tmp_path: Path) -> None:
    await quartapp(tmp_path, "db", "upgrade")
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "quartapp", "houses", "import", str(CSV)),
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)

    assert await process.wait() == 0
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "Importing" in shown
    assert "100%" in shown


async def test_without_a_terminal_no_password_is_asked_for(tmp_path: Path) -> None:
    await quartapp(tmp_path, "db", "upgrade")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "quartapp", "users", "create", "admin"),
        cwd=tmp_path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )

    _, err = await process.communicate(b"secret\nsecret\n")

    assert process.returncode == 1
    assert err.decode().endswith("Error: no terminal to ask on: use --password-stdin\n")


@pytest.mark.slow
async def test_an_export_whose_reader_goes_away_ends_without_a_traceback(tmp_path: Path) -> None:
    await quartapp(tmp_path, "db", "upgrade")
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m quartapp houses export - | true",
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )

    _, err = await process.communicate()

    assert b"Traceback" not in err
