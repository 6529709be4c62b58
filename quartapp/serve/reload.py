"""`--reload`: one worker with debug pages, started again whenever the source changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click

import quartapp
from quartapp.paths import HYPERCORN_TOML, TEMPLATES
from quartapp.serve.supervisor import WORKER, Worker, stop_of_parent, until_asked
from quartapp.serve.worker import Order

INTERVAL = 0.5  # seconds between two looks at the files

PACKAGE = Path(quartapp.__file__).parent


def source_files() -> Iterator[Path]:
    """What the application is made of, and can be changed while it runs."""
    yield from PACKAGE.rglob("*.py")
    yield from (path for path in TEMPLATES.rglob("*") if path.is_file())
    yield HYPERCORN_TOML


class Reloader:
    """Keeps one worker on the newest source until it is asked to stop.

    A worker that dies, of a syntax error for example, is started again at the next change.
    """

    def __init__(
        self,
        order: Order,
        *,
        on_ready: Callable[[], None],
        command: tuple[str, ...] = WORKER,
        files: Callable[[], Iterable[Path]] = source_files,
    ) -> None:
        self._order = order
        self._command = command
        self._files = files
        self._on_ready = on_ready
        self._workers: set[Worker] = set()
        self._told = False

    def serve(self) -> None:
        """Serve until a signal comes."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stop = stop_of_parent(self._order.shutdown_timeout, self._workers)
        await until_asked(stop, [asyncio.create_task(self._follow())], self._workers)

    async def _follow(self) -> None:
        while True:
            before = _stamps(self._files())
            worker = await Worker.start(self._order, self._command)
            self._workers.add(worker)
            telling = asyncio.create_task(self._tell(worker))
            try:
                changed = await self._change(before)
            finally:
                telling.cancel()
                await asyncio.wait([telling])
                await worker.end()
                self._workers.discard(worker)
            click.echo(f"{changed} changed: starting again")

    async def _change(self, before: dict[Path, int]) -> Path:
        """Wait for a change and say in which file."""
        while True:
            await asyncio.sleep(INTERVAL)
            changes = _stamps(self._files()).items() ^ before.items()
            if changes:
                return min(path for path, _ in changes)

    async def _tell(self, worker: Worker) -> None:
        if await worker.ready() and not self._told:
            self._told = True
            self._on_ready()


def _stamps(files: Iterable[Path]) -> dict[Path, int]:
    stamps = {}
    for path in files:
        with suppress(OSError):  # it went away meanwhile
            stamps[path] = path.stat().st_mtime_ns
    return stamps
