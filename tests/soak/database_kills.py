"""MariaDB killed under a load of writes: what was acknowledged is there, nothing is half there."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any, cast

from quartapp.testing import new_user, temporary_app
from tests.serve.processes import PATIENCE, started
from tests.servers import MariaDB, find_mariadb, mariadb
from tests.soak.house import SECRETS
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.writers import AUDITED, HOUSES, VERSIONS, Ledger, State, Writers, states

NAME = "soak"
WORKERS = 2
WRITERS = 6
BACK = 2.0  # seconds after the database's return in which all is well again


async def run(scale: Scale) -> Row:
    """Kill the database again and again, at random moments; compare at the end."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    async with _durable() as server:
        await asyncio.to_thread(server.run, f"CREATE DATABASE {NAME}")
        async with temporary_app(database_url=server.url(NAME)) as app:
            user = await new_user(app, admin=True)
        who = {"username": user.username, "password": user.password}
        ledger = Ledger()
        env = SECRETS | {"QUARTAPP_ENV": "production", "QUARTAPP_DATABASE_URL": server.url(NAME)}
        env["QUARTAPP_LOGIN_RATE_LIMIT"] = "0"
        command = ("-m", "quartapp", "serve", "--workers", str(WORKERS), "--bind", "127.0.0.1:0")
        with started(*command, instance=scale.folder, **env) as house:
            await asyncio.to_thread(house.until_ready)
            writers = Writers(ledger, who)
            tasks = [asyncio.create_task(writers.write_on(house.port)) for _ in range(WRITERS)]
            try:
                await _until_done(ledger, time.monotonic())
                back = [await _kill(server, ledger, chance) for _ in range(scale.database_kills)]
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        found = await asyncio.to_thread(_found, server)
    return _told(scale, ledger, found, back)


async def _kill(server: MariaDB, ledger: Ledger, chance: random.Random) -> float:
    """Let it be away for a moment; the seconds from its return to the last refusal or the first
    write, whichever was later."""
    await asyncio.sleep(chance.uniform(0.1, 1.0))
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(chance.uniform(0.0, 0.5))
    await asyncio.to_thread(server.start)
    returned = time.monotonic()
    await _until_done(ledger, returned)
    await asyncio.sleep(0.5)
    first = next(moment for moment in ledger.done if moment > returned)
    return max(first, *(moment for moment in ledger.refused), returned) - returned


async def _until_done(ledger: Ledger, since: float) -> None:
    """Wait for a write that is acknowledged later than that."""
    while not (ledger.done and ledger.done[-1] > since):
        assert time.monotonic() < since + PATIENCE, f"no write was done: {ledger.wrong[:3]}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def _durable() -> AsyncIterator[MariaDB]:
    binary = find_mariadb()
    assert binary is not None, "MariaDB is not installed: `make services` installs it"
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, mariadb(binary, durable=True))
        await asyncio.to_thread(stack.pop_all().close)


def _found(server: MariaDB) -> dict[str, State]:
    rows: list[Any] = [server.run(sql, database=NAME) for sql in (HOUSES, VERSIONS, AUDITED)]
    return states(dict(rows[0]), dict(rows[1]), cast("list[tuple[str, str]]", rows[2]))


def _told(scale: Scale, ledger: Ledger, found: dict[str, State], back: list[float]) -> Row:
    lost, half = ledger.lost_writes(found), ledger.half_writes(found)
    return Row(
        f"{scale.database_kills} × kill -9 of MariaDB under writes",
        "0 acknowledged writes lost, 0 half rows, 0 answers 500, service within 2 s",
        f"{len(ledger.done)} writes acknowledged, {len(lost)} of them lost {lost[:3]}; "
        f"{len(ledger.refused)} told 503 in at most {ledger.longest:.1f} s, {len(half)} half there "
        f"{half[:3]}; {len(ledger.wrong)} other answers {ledger.wrong[:2]}, {ledger.lost} without "
        f"any; all well {max(back):.2f} s after its return at the latest (seed {scale.seed})",
        not lost and not half and not ledger.wrong and not ledger.lost and max(back) < BACK,
        {
            "acknowledged": len(ledger.done),
            "lost": len(lost),
            "half": len(half),
            "refused": len(ledger.refused),
            "longest_refusal_seconds": ledger.longest,
            "wrong": len(ledger.wrong),
            "without_answer": ledger.lost,
            "longest_return_seconds": max(back),
        },
    )
