"""`quartapp tokens`."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from quartapp.accounts.sessions import DatabaseSessionStore
from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.jwt import KeyFile, Session
from tests.cli.conftest import ON_SQLITE, Run, refused

pytestmark = ON_SQLITE

LINE = re.compile(
    r"(?P<kid>[\w-]{22,43})\t(?P<algorithm>\w+)\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\t(?P<retires>.+)"
)


async def listed(run: Run) -> list[dict[str, str]]:
    result = await run("tokens", "keys")
    assert result.exit_code == 0
    found = [LINE.fullmatch(line) for line in result.stdout.splitlines()]
    return [match.groupdict() for match in found if match is not None]


async def test_a_first_key_is_made_and_listed(run: Run, tmp_path: Path) -> None:
    result = await run("tokens", "rotate-key")

    path = tmp_path / "instance" / "jwt_keys.json"
    (key,) = await listed(run)
    assert result.stdout == f"Key {key['kid']} (ES256) signs from now on.\n"
    assert key["retires"] == "-"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "HS256"])
async def test_the_one_before_retires(run: Run, algorithm: str) -> None:
    await run("tokens", "rotate-key")
    result = await run("tokens", "rotate-key", "--algorithm", algorithm, "--overlap", "1")

    assert f"({algorithm})" in result.stdout
    first, second = await listed(run)
    assert (first["algorithm"], first["retires"]) == (algorithm, "-")
    assert second["retires"].startswith("20")


async def test_no_command_prints_a_secret(run: Run, tmp_path: Path) -> None:
    output = ""
    for algorithm in ("HS256", "EdDSA", "RS256"):
        output += (await run("tokens", "rotate-key", "--algorithm", algorithm)).output
    output += (await run("tokens", "keys")).output

    for key in json.loads((tmp_path / "instance" / "jwt_keys.json").read_text())["keys"]:
        for name in ("k", "d", "p", "q", "dp", "dq", "qi"):
            assert key.get(name, "-" * 9) not in output


async def test_the_file_is_where_the_setting_says(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "k.json"

    assert (await run("tokens", "rotate-key", jwt_keys_file=str(path))).exit_code == 0

    assert len((await asyncio.to_thread(KeyFile(path).read)).keys) == 1


async def test_without_a_file_there_is_nothing_to_list(run: Run) -> None:
    refused(await run("tokens", "keys"), "There is no key file")


async def test_a_file_that_others_read_is_refused(run: Run, tmp_path: Path) -> None:
    await run("tokens", "rotate-key")
    (tmp_path / "instance" / "jwt_keys.json").chmod(0o644)

    for command in ("keys", "rotate-key"):
        refused(await run("tokens", command), "can be read by others")


async def test_a_broken_file_is_refused_and_left(run: Run, tmp_path: Path) -> None:
    await run("tokens", "rotate-key")
    path = tmp_path / "instance" / "jwt_keys.json"
    path.write_text("{")

    for command in ("keys", "rotate-key"):
        refused(await run("tokens", command), "it is no JSON")
    assert path.read_text() == "{"


@pytest.mark.parametrize(
    "words",
    [("--algorithm", "none"), ("--overlap", "-1"), ("--overlap", "nan"), ("--overlap", "x")],
)
async def test_what_makes_no_sense_is_refused(run: Run, tmp_path: Path, words: tuple[str]) -> None:
    result = await run("tokens", "rotate-key", *words)

    assert result.exit_code == 2
    assert not (tmp_path / "instance" / "jwt_keys.json").exists()


async def test_what_is_over_is_forgotten(migrated: Run, empty_database: Database) -> None:
    store = DatabaseSessionStore(empty_database)
    for days in (0, 14, 16):
        ended = now() - timedelta(days=days)
        await store.add(
            Session(
                id=f"{days:032}",
                subject="1:ann",
                created_at=ended - timedelta(hours=12),
                last_used_at=ended - timedelta(hours=12),
                idle_expires_at=ended,
                expires_at=ended,
                digest="",
                address="",
                device="",
            )
        )

    result = await migrated("tokens", "prune")

    assert (result.exit_code, result.stdout) == (0, "Forgotten: 1 sessions, 0 answers\n")
    assert await store.get(f"{16:032}") is None
    assert await store.get(f"{14:032}") is not None
