"""The slow application on a server without patience: `python -m tests.serve.hasty`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import click
from hypercorn.config import Config
from quart import Quart, Response

from quartapp.serve import connections, exchange
from tests.serve import slow

# As hypercorn.toml has it: nothing may wait for that.
Config.keep_alive_timeout = float(os.environ.get("IDLE", "65"))
connections.FIRST_REQUEST = 0.6
connections.STALL = 0.6
connections.TIDY = 0.6
connections.YOUNG = 0.2
connections.LOOK = 0.05


def add_what_shows_the_inside(app: Quart) -> None:
    """What is open and running, and an answer that says when it is over."""

    @app.get("/inside")
    async def inside() -> dict[str, int]:
        # Listing the folder opens it.
        files = len(list(Path("/proc/self/fd").iterdir())) - 1
        return {"tasks": len(asyncio.all_tasks()), "files": files}

    @app.get("/endless")
    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(2**16)
        finally:
            click.echo("over")

    @app.get("/short")
    async def short() -> bytes:
        return bytes(exchange.SHORT)

    @app.get("/large")
    async def large() -> Response:
        return Response(bytes(2**24), headers={"Connection": "close"})

    @app.get("/patient")
    async def patient() -> AsyncIterator[bytes]:
        for _ in range(15):
            yield bytes(2**16)
            await asyncio.sleep(0.05)


def make_app() -> Quart:
    """The slow application and these views."""
    app = slow.make_app()
    add_what_shows_the_inside(app)
    return app


if __name__ == "__main__":
    slow.serve_here(make_app())
