"""Clients that drip the heads of requests which never end: others do not notice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from quartapp.serve.connections import FIRST_REQUEST, LOOK
from tests.soak.house import WHO, open_connections, serving
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.visitor import HOST, Lost, Visitor

VISITORS = 8
PAUSE = 0.02  # seconds of each visitor between two requests
ROUNDS, SHORT_ROUNDS = 3, 1  # with and without by turns: a machine has better moments and worse
SECONDS, SHORT_SECONDS = 20.0, 15.0  # of each half of a round
DRIP = 1.0  # seconds between two header fields
FACTOR = 2.0  # of the p99
BOUND = FIRST_REQUEST + LOOK + 2.0  # seconds until such a connection is closed, on a busy machine
PATHS = ("/api/v1/houses?size=10", "/login", "/livez")


async def run(scale: Scale) -> Row:
    """Measure the normal load with them and without, by turns."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    rounds, seconds = (SHORT_ROUNDS, SHORT_SECONDS) if scale.short else (ROUNDS, SECONDS)
    without: list[float] = []
    among: list[float] = []
    lasted: list[float] = []
    lost = 0
    async with serving(scale.folder, workers=2) as server:
        await _visit(server.port, 2.0)  # whatever is made once is made
        for _ in range(rounds):
            took, failed = await _visit(server.port, seconds)
            without += took
            lost += failed
            async with _dripping(server.port, scale.slow_clients, chance, lasted):
                took, failed = await _visit(server.port, seconds)
            among += took
            lost += failed
        left = await _settled(server.port)
    return _told(scale, without, among, lasted, lost=lost, left=left)


def _told(
    scale: Scale,
    without: list[float],
    among: list[float],
    lasted: list[float],
    *,
    lost: int,
    left: int,
) -> Row:
    before, after, longest = _p99(without), _p99(among), max(lasted, default=0.0)
    return Row(
        f"{scale.slow_clients:,} slowloris connections + normal load",
        f"normal p99 within {FACTOR:g}×, nothing lost; each closed within {BOUND:g} s",
        f"p99 {after * 1000:.0f} ms, without them {before * 1000:.0f} ms "
        f"({after / before:.2f}×); {lost} of {len(without) + len(among):,} lost; "
        f"{len(lasted):,} closed, after {longest:.1f} s at most; {left} left",
        after <= FACTOR * before and not lost and not left and 0 < longest <= BOUND,
        {
            "p99_ms": after * 1000,
            "p99_ms_without": before * 1000,
            "lost": lost,
            "longest_s": longest,
            "left": left,
        },
    )


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


async def _visit(port: int, seconds: float) -> tuple[list[float], int]:
    """The normal load: how long each answer took, and how many did not come."""
    took: list[float] = []
    lost = 0
    until = time.perf_counter() + seconds

    async def visitor() -> None:
        nonlocal lost
        async with Visitor(port) as visitor:
            tokens = (await visitor.send_json("/api/v1/auth/sign-in", WHO)).json()
            bearer = f"Bearer {tokens['access_token']}"
            while time.perf_counter() < until:
                for path in PATHS:
                    began = time.perf_counter()
                    try:
                        answer = await visitor.get(path, authorization=bearer)
                    except Lost:
                        lost += 1
                        continue
                    took.append(time.perf_counter() - began)
                    lost += answer.status != 200
                await asyncio.sleep(PAUSE)

    await asyncio.gather(*(visitor() for _ in range(VISITORS)))
    return took, lost


@asynccontextmanager
async def _dripping(
    port: int, count: int, chance: random.Random, lasted: list[float]
) -> AsyncIterator[None]:
    """So many connections, each opened again when it is closed; how long each of them lasted."""
    opened = 0
    all_open = asyncio.Event()

    async def drip() -> None:
        nonlocal opened
        await asyncio.sleep(chance.uniform(0, DRIP))
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                opened += 1
                if opened == count:
                    all_open.set()
                began = time.perf_counter()
                try:
                    await _drip(writer)
                finally:
                    writer.transport.abort()
                lasted.append(time.perf_counter() - began)

    tasks = [asyncio.create_task(drip()) for _ in range(count)]
    try:
        await all_open.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _drip(writer: asyncio.StreamWriter) -> None:
    """Go on until the other end has had enough."""
    with suppress(OSError):
        writer.write(b"GET /login HTTP/1.1\r\nHost: here\r\n")
        while not writer.transport.is_closing():
            await writer.drain()
            await asyncio.sleep(DRIP)
            writer.write(b"X-More: and more\r\n")


async def _settled(port: int) -> int:
    """The connections that are open when those who left have been noticed."""
    for _ in range(50):
        if not open_connections(port):
            break
        await asyncio.sleep(0.1)
    return open_connections(port)
