"""Ours with one view more: it waits as long as a slow neighbour would take, and answers."""

from __future__ import annotations

import asyncio

from quartapp import create_app

WAIT = 0.1  # seconds

app = create_app()


@app.get("/wait")
async def wait() -> str:
    """Answer after a while."""
    await asyncio.sleep(WAIT)
    return "done"
