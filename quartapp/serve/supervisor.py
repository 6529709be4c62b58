"""Several serving processes on one socket: the dead are replaced, and all end together."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import click

from quartapp.serve.errors import ServeError
from quartapp.serve.stop import LAST_MOMENT, Stop
from quartapp.serve.worker import READY, Order

WORKER = ("-m", "quartapp.serve.worker")
GIVE_UP = 5  # deaths in a row, in one place, of workers that were not ready yet
BREATH = 0.1  # seconds before the next attempt, times the deaths so far
MARGIN = 1.0  # seconds after its own last moment until a worker is killed


@dataclass(eq=False)
class Worker:
    """A serving process, and the socket on which it says that it is ready and reads its end."""

    process: asyncio.subprocess.Process
    link: socket.socket

    @classmethod
    async def start(cls, order: Order, command: tuple[str, ...] = WORKER) -> Self:
        """Start a process with its order."""
        ours, theirs = socket.socketpair()
        order = replace(order, supervisor=theirs.fileno())
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *command,
                    order.dumps(),
                    pass_fds=order.descriptors(),
                    # In a group of its own it does not get the Ctrl-C meant for us.
                    process_group=0,
                    stdin=subprocess.DEVNULL,
                    env=_environment(),
                )
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return cls(process, ours)

    async def ready(self) -> bool:
        """Wait until it serves; False if it died before."""
        try:
            return await asyncio.get_running_loop().sock_recv(self.link, 1) == READY
        except ConnectionError:
            return False

    async def end(self, shutdown_timeout: float) -> None:
        """Let it finish its requests, and kill it if it does not end in time."""
        self.link.close()
        self._signal(signal.SIGTERM)  # the one that is still starting does not read yet
        try:
            async with asyncio.timeout(shutdown_timeout + LAST_MOMENT + MARGIN):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


class Supervisor:
    """Keeps `count` workers serving until it is asked to stop."""

    def __init__(
        self,
        order: Order,
        *,
        count: int,
        shutdown_timeout: float,
        on_ready: Callable[[], None],
        command: tuple[str, ...] = WORKER,
    ) -> None:
        self._order = order
        self._count = count
        self._shutdown_timeout = shutdown_timeout
        self._on_ready = on_ready
        self._command = command
        self._workers: set[Worker] = set()
        self._starting = count  # workers still to become ready for the first time

    def serve(self) -> None:
        """Serve until a signal comes. Raises ServeError if workers die at their start."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await until_asked(
            stop_of_parent(self._shutdown_timeout, self._workers),
            [asyncio.create_task(self._fill()) for _ in range(self._count)],
        )

    async def _fill(self) -> None:
        """Keep one worker serving."""
        deaths = 0  # at the start, since the last one that became ready
        while True:
            try:
                ready, how = await self._work()
            except OSError as error:  # the system has no room for a process
                ready, how = False, f"a worker cannot be started: {error.strerror}"
            if ready:
                click.echo(f"quartapp: {how}; another one takes its place", err=True)
                deaths = 0
                continue
            deaths += 1
            if deaths == GIVE_UP:
                raise ServeError(f"A worker died {deaths} times at its start (at last {how}).")
            await asyncio.sleep(BREATH * deaths)

    async def _work(self) -> tuple[bool, str]:
        """Start a worker and wait for its end: whether it was ready before, and what ended it."""
        worker = await Worker.start(self._order, self._command)
        self._workers.add(worker)
        try:
            if ready := await worker.ready():
                self._note_ready()
            status = await worker.process.wait()
        finally:
            await worker.end(self._shutdown_timeout)
            self._workers.discard(worker)
        return ready, f"worker {worker.process.pid} {_ending(status)}"

    def _note_ready(self) -> None:
        self._starting -= 1
        if self._starting == 0:
            self._on_ready()


async def until_asked(stop: Stop, tasks: list[asyncio.Task[None]]) -> None:
    """Let tasks run until the process is asked to stop, or one of them fails."""
    for task in tasks:
        task.add_done_callback(lambda _: stop.ask())
    await stop.asked.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
    stop.done()


def stop_of_parent(shutdown_timeout: float, workers: set[Worker]) -> Stop:
    """Signals for a process that serves through workers: a hard end takes them along."""

    def kill_all() -> None:
        for worker in workers:
            worker.kill()

    # Later than the moment at which a worker is killed.
    stop = Stop(limit=shutdown_timeout + LAST_MOMENT + 2 * MARGIN, at_last=kill_all)
    stop.watch()
    return stop


def _ending(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _environment() -> dict[str, str]:
    """Ours, and with it the very modules that we run ourselves."""
    folders = [folder or str(Path.cwd()) for folder in sys.path]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders), "PYTHONSAFEPATH": "1"}
