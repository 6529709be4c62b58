"""Our own processes killed under a load of writes to SQLite: the same must be true."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from quartapp.db.engine import BUSY_TIMEOUT
from tests.serve.processes import PATIENCE
from tests.soak.house import WHO, serving
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.writers import AUDITED, HOUSES, VERSIONS, Ledger, State, Writers, states

WORKERS = 2
WRITERS = 6


async def run(scale: Scale) -> Row:
    """Kill all processes at once, again and again, at random moments; compare at the end."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    ledger = Ledger()
    writers = Writers(ledger, WHO)
    for _ in range(scale.database_kills):
        await _one_life(scale.folder, writers, ledger, chance.uniform(0.1, 2.0))
    found, well = await asyncio.to_thread(_found, scale.folder / "quartapp.db")
    return _told(scale, ledger, found, well)


async def _one_life(folder: Path, writers: Writers, ledger: Ledger, seconds: float) -> None:
    async with serving(folder, workers=WORKERS) as server:
        tasks = [asyncio.create_task(writers.write_on(server.port)) for _ in range(WRITERS)]
        began = time.monotonic()
        while not (ledger.done and ledger.done[-1] > began):
            assert time.monotonic() < began + PATIENCE, f"no write was done: {ledger.wrong[:3]}"
            await asyncio.sleep(0.01)
        await asyncio.sleep(seconds)
    # By now they are killed, the writers still at it.
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _found(path: Path) -> tuple[dict[str, State], bool]:
    """What the tables hold of our houses, and whether the file is sound."""
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT)) as connection:
        houses, versions, audited = (
            connection.execute(sql).fetchall() for sql in (HOUSES, VERSIONS, AUDITED)
        )
        sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    found = states(dict(houses), dict(versions), audited)
    return {house: state for house, state in found.items() if house.startswith("house-")}, sound


def _told(scale: Scale, ledger: Ledger, found: dict[str, State], sound: bool) -> Row:
    lost, half = ledger.lost_writes(found), ledger.half_writes(found)
    return Row(
        f"{scale.database_kills} × kill -9 of all our processes under writes to SQLite",
        "0 acknowledged writes lost, 0 half rows, 0 answers 500",
        f"{len(ledger.done)} writes acknowledged, {len(lost)} of them lost {lost[:3]}; {len(half)} "
        f"half there {half[:3]}; {len(ledger.refused)} told 503, {len(ledger.wrong)} other answers "
        f"{ledger.wrong[:2]}; the file is {'sound' if sound else 'BROKEN'} (seed {scale.seed})",
        sound and not lost and not half and not ledger.wrong,
        {
            "acknowledged": len(ledger.done),
            "lost": len(lost),
            "half": len(half),
            "refused": len(ledger.refused),
            "wrong": len(ledger.wrong),
        },
    )
