"""The command `quartapp`, run in this process, on a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quartapp.cli import main

Run = Callable[..., Awaitable[Result]]

# For commands to which the kind of database makes no difference.
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"])

SECRETS = {
    "QUARTAPP_SECRET_KEY": "k1-0123456789abcdefghijklmnopqrstuvwxyz",
    "QUARTAPP_JWT_SECRET_KEY": "k2-0123456789abcdefghijklmnopqrstuvwxyz",
}


@pytest.fixture
def run(empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command: `await run("db", "upgrade")`; values by name are settings."""
    monkeypatch.chdir(tmp_path)

    async def command(*words: str, stdin: str | bytes = "", **settings: str) -> Result:
        env = {"QUARTAPP_DATABASE_URL": empty_url} | {
            f"QUARTAPP_{name.upper()}": value for name, value in settings.items()
        }
        # In a thread: a command has an event loop of its own.
        result = await asyncio.to_thread(
            CliRunner().invoke, main, list(words), input=stdin, env=env
        )
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    return command


@pytest.fixture
async def migrated(run: Run) -> Run:
    """The same, on a database that is migrated already."""
    assert (await run("db", "upgrade")).exit_code == 0
    return run


def refused(result: Result, text: str, status: int = 1) -> None:
    """See that a command failed with that text in one line on stderr."""
    assert result.exit_code == status, result.output
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: ")
