"""Some thousand requests made of the description itself, and everything checked that can be."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from quart import Quart
from sqlalchemy import update

from quartapp.accounts.models import Account, AccountStatus
from quartapp.testing import new_user, temporary_app
from quartapp.web.db import app_database

HERE = Path(__file__).parent
CASES = 60  # of each operation, in each phase that makes them by chance
MINUTES = 15


@asynccontextmanager
async def serving(app: Quart) -> AsyncIterator[str]:
    """The address of a started application, served on loopback."""

    async def without_lifespan(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for done in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{done}.complete"})
        else:
            await app(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config, over = Config(), asyncio.Event()
    config.bind, config.errorlog = [f"fd://{listener.detach()}"], None  # the server closes it
    server = asyncio.create_task(serve(without_lifespan, config, shutdown_trigger=over.wait))
    yield f"http://127.0.0.1:{port}"
    over.set()
    await server


async def move(app: Quart, *, account_id: int, to: int) -> None:
    """Give an account an id that nobody hits upon by chance: to end its sessions, or disable it."""
    async with app_database(app).writing() as db:
        await db.execute(update(Account).where(Account.id == account_id).values(id=to))
        await db.execute(update(AccountStatus).values(account_id=to))


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60)
async def test_the_api_does_what_its_description_says(tmp_path: Path) -> None:
    async with temporary_app() as app, serving(app) as address:
        user = await new_user(app, username="root", password="correct horse battery", admin=True)
        await move(app, account_id=user.id, to=1_000_003)
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file"),
            *(str(HERE / "schemathesis.toml"), "run", f"{address}/api/openapi.json"),
            *("--checks", "all", "--max-examples", str(CASES), "--continue-on-failure"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--no-color"),
            *("--generation-database", "none"),
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
