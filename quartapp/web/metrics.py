"""What an application tells of itself at `/metrics`, besides its requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from ipaddress import IPv4Network, IPv6Network

from quart import Quart
from sqlalchemy import QueuePool

from quartapp.telemetry import metrics, process
from quartapp.web.db import app_database
from quartapp.web.login import app_passwords
from quartapp.web.middleware.crowd import Crowd
from quartapp.web.middleware.metrics import Metrics

INTERVAL = 0.5  # seconds between two looks
ROUNDS = 20  # looks until one at memory and descriptors, which reads files


def use_metrics(app: Quart, crowd: Crowd, allow: tuple[IPv4Network | IPv6Network, ...]) -> None:
    """Wrap all that the application is by now in `/metrics`, and look at it while it serves."""
    app.asgi_app = Metrics(app.asgi_app, allow)  # type: ignore[assignment,method-assign]

    @app.while_serving
    async def look() -> AsyncGenerator[None]:
        metrics.workers.inc()
        looking = asyncio.create_task(_look(app, crowd))
        yield
        looking.cancel()
        await asyncio.wait([looking])
        metrics.workers.dec()


async def _look(app: Quart, crowd: Crowd) -> None:
    """Look at the application again and again, which shows also how late that happens."""
    loop = asyncio.get_running_loop()
    while True:
        await _note_process()
        for _ in range(ROUNDS):
            metrics.requests_in_progress.set(crowd.running)
            _note_queues(app)
            due = loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            metrics.event_loop_lag.observe(max(0.0, loop.time() - due))


def _note_queues(app: Quart) -> None:
    load = app_passwords(app).load()
    metrics.password_hashes_waiting.set(load.waiting)
    metrics.password_hashes_running.set(load.running)
    pool = app_database(app).engine.pool
    if isinstance(pool, QueuePool):
        metrics.pool_size.set(pool.size())
        metrics.pool_in_use.set(pool.checkedout())


async def _note_process() -> None:
    use = await asyncio.to_thread(process.use)
    if use is not None:
        metrics.resident_memory.set(use.resident_memory)
        metrics.open_descriptors.set(use.open_descriptors)
