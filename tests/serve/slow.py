"""An application that will not end when it should: `python -m tests.serve.slow [HOW]`.

With a number it serves through so many workers, with a folder through one that is started again
when something changes there, with an order it is such a worker itself.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import click
from hypercorn.config import Config
from quart import Quart

from quartapp.paths import HYPERCORN_TOML
from quartapp.serve.errors import ServeError
from quartapp.serve.process import run
from quartapp.serve.reload import Reloader
from quartapp.serve.sockets import open_sockets
from quartapp.serve.supervisor import Supervisor
from quartapp.serve.worker import Order, main
from quartapp.settings import Settings
from quartapp.web.middleware.probes import Probes
from quartapp.web.shutdown import is_shutting_down, shutting_down

CONNECTIONS = int(os.environ.get("CONNECTIONS", "100"))
TIMEOUT = float(os.environ.get("QUARTAPP_SHUTDOWN_TIMEOUT", "1"))


def make_app() -> Quart:
    """Views that take their time, each in its own way."""
    app = Quart(__name__)

    @app.get("/pid")
    async def pid() -> str:
        return str(os.getpid())

    @app.get("/spared")
    async def spared() -> str:
        return str(gc.get_freeze_count())

    @app.get("/sleep/<float:seconds>")
    async def sleep(seconds: float) -> str:
        click.echo("begun")
        await asyncio.sleep(seconds)
        return "whole " * 1000

    @app.get("/slowly/<name>")
    async def work(name: str) -> str:
        click.echo(f"work {name} {os.getpid()}")
        await asyncio.sleep(0.02)
        return f"{name} {os.getpid()} ".ljust(20_000, "x")

    @app.before_serving
    async def open_() -> None:
        if reason := os.environ.get("BROKEN"):
            raise RuntimeError(reason)

    @app.after_serving
    async def close() -> None:
        click.echo("closed")

    add_streams(app)
    add_views_that_will_not_end(app)
    probes = Probes(app.asgi_app, {"all": _all_is_well}, partial(is_shutting_down, app))
    app.asgi_app = probes  # type: ignore[assignment,method-assign]
    return app


async def _all_is_well() -> None:
    """A check that finds nothing."""


def add_streams(app: Quart) -> None:
    """One that ends when it should, and one that does not."""

    @app.get("/listen")
    async def listen() -> AsyncIterator[bytes]:
        asked = shutting_down()

        async def news() -> AsyncIterator[bytes]:
            click.echo("begun")
            yield b"first "
            await asked.wait()
            yield b"last"

        return news()

    @app.get("/stream")
    async def stream() -> AsyncIterator[bytes]:
        click.echo("begun")
        while True:
            yield b"more"
            await asyncio.sleep(0.05)


def add_views_that_will_not_end(app: Quart) -> None:
    """Views that a cancellation does not reach."""

    @app.get("/stubborn")
    async def stubborn() -> str:
        click.echo("begun")
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                await asyncio.sleep(0.2)
            except asyncio.CancelledError:
                continue
        return ""

    @app.get("/flood")
    async def flood() -> AsyncIterator[bytes]:
        click.echo("begun")
        while True:
            yield bytes(2**20)

    @app.get("/thread")
    def thread() -> str:
        click.echo("begun")
        time.sleep(30)
        return ""

    @app.get("/block")
    async def block() -> str:
        click.echo("begun")
        time.sleep(30)  # noqa: ASYNC251 - what a view must not do
        return ""


def serve_here(app: Quart) -> None:
    """Serve in this process, on a port that the system chooses."""
    sockets = open_sockets(_config(), remote=False)
    address = sockets.addresses(tls=False)[0]
    config = _config()
    config.bind = sockets.hand_over()["bind"]
    run(
        app,
        config,
        shutdown_timeout=TIMEOUT,
        max_connections=CONNECTIONS,
        on_ready=lambda: click.echo(address),
    )


def serve_through(workers: int, module: str) -> None:
    """Serve through workers that run a module."""
    sockets = open_sockets(_config(), remote=False)
    address = sockets.addresses(tls=False)[0]
    Supervisor(
        Order(sockets.descriptors()["bind"], [], TIMEOUT, workers=workers),
        count=workers,
        reserve="RESERVE" in os.environ,
        on_ready=lambda: click.echo(address),
        command=("-m", module),
    ).serve()


def serve_reloading(folder: Path) -> None:
    """Serve through a worker that follows the files of a folder."""
    sockets = open_sockets(_config(), remote=False)
    address = sockets.addresses(tls=False)[0]
    Reloader(
        Order(sockets.descriptors()["bind"], [], TIMEOUT),
        on_ready=lambda: click.echo(address),
        command=("-m", "tests.serve.slow"),
        files=lambda: folder.glob("*.py"),
    ).serve()


def _hypercorn_toml() -> Path:
    """A file with the number of requests after which a worker is renewed, if the test has one."""
    path = Path(os.environ["QUARTAPP_INSTANCE_PATH"]) / f"{os.getpid()}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    limit = os.environ.get("MAX_REQUESTS")
    lines = f"max_requests = {limit}\nmax_requests_jitter = 10\n" if limit else ""
    path.write_text(HYPERCORN_TOML.read_text() + lines)
    return path


def _config() -> Config:
    config = Config()
    config.bind = "127.0.0.1:0"
    config.loglevel = "WARNING"
    return config


def _make_app(_settings: Settings, _order: Order) -> Quart:
    return make_app()


def run_as_told(how: str) -> None:
    """Serve here, through workers, through one that is started again, or as a worker."""
    if not how:
        serve_here(make_app())
    elif how.isdecimal():
        serve_through(int(how), sys.argv[2] if len(sys.argv) > 2 else "tests.serve.slow")
    elif Path(how).is_dir():
        serve_reloading(Path(how))
    else:
        click.echo("loaded")
        main(_make_app, _hypercorn_toml())


if __name__ == "__main__":
    try:
        run_as_told(sys.argv[1] if len(sys.argv) > 1 else "")
    except ServeError as error:
        sys.exit(str(error))
