"""Several serving processes on one socket: the dead are replaced, and all end together."""

from __future__ import annotations

import asyncio
import logging
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

from quartapp.serve.errors import ServeError
from quartapp.serve.stop import LAST_MOMENT, Stop
from quartapp.serve.worker import GO, READY, SPENT, Order

WORKER = ("-m", "quartapp.serve.worker")
GIVE_UP = 5  # deaths in a row, in one place, of workers that were not ready yet
BREATH = 0.1  # seconds before the next attempt, times the deaths so far
MARGIN = 1.0  # seconds after its own last moment until a worker is killed

_log = logging.getLogger("quartapp.serve")


@dataclass(eq=False)
class Worker:
    """A serving process, and what it says: that it is ready, that it has served enough."""

    process: asyncio.subprocess.Process
    says: asyncio.StreamReader
    link: asyncio.StreamWriter  # its end is what a worker reads
    shutdown_timeout: float
    serves: bool = False

    @classmethod
    async def start(cls, order: Order, command: tuple[str, ...] = WORKER) -> Self:
        """Start a process with its order."""
        ours, theirs = socket.socketpair()
        says, link = await asyncio.open_connection(sock=ours)
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
            link.close()
            raise
        return cls(process, says, link, order.shutdown_timeout)

    def go(self) -> None:
        """Let it begin, if it was in reserve."""
        self.link.write(GO)

    async def ready(self) -> bool:
        """Wait until it serves; False if it died before."""
        self.serves = await self.hear() == READY
        return self.serves

    async def hear(self) -> bytes:
        """The next thing that it says; nothing if it is gone."""
        try:
            return await self.says.read(1)
        except ConnectionError:
            return b""

    async def end(self) -> None:
        """Let it finish its requests, and kill it if it does not end in time."""
        self.link.close()
        self._signal(signal.SIGTERM)  # the one that is still starting does not read yet
        try:
            async with asyncio.timeout(self.shutdown_timeout + LAST_MOMENT + MARGIN):
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


@dataclass(eq=False)
class Place:
    """Where one worker after the other serves."""

    worker: Worker | None = None
    filled: bool = False  # a worker served here, now or before
    due: bool = False  # its worker waits for a new one to take over


class Supervisor:
    """Keeps `count` workers serving until it is asked to stop; SIGHUP renews them one by one.

    With `reserve` one more is loaded and waits, so that a dead one is replaced in no time.
    `at_last` is called before a hard end, which nothing outlives.
    """

    def __init__(
        self,
        order: Order,
        *,
        count: int,
        on_ready: Callable[[], None],
        reserve: bool = False,
        command: tuple[str, ...] = WORKER,
        at_last: Callable[[], None] | None = None,
    ) -> None:
        self._order = order
        self._on_ready = on_ready
        self._at_last = at_last
        self._command = command
        self._workers: set[Worker] = set()
        self._places = [Place() for _ in range(count)]
        self._renewals = 0
        self._keeps_a_reserve = reserve
        self._reserve: Worker | None = None
        self._settled = asyncio.Event()  # a worker became ready, or took over
        self._due: asyncio.Queue[Place] = asyncio.Queue()

    def serve(self) -> None:
        """Serve until a signal comes. Raises ServeError if workers die at their start."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stop = stop_of_parent(self._order.shutdown_timeout, self._workers, self._at_last)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as below nohup
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._renew_all)
        tasks = [asyncio.create_task(self._fill(place)) for place in self._places]
        tasks.append(asyncio.create_task(self._renew_the_due()))
        if self._keeps_a_reserve:
            tasks.append(asyncio.create_task(self._keep_a_reserve()))
        await until_asked(stop, tasks, self._workers)

    async def _fill(self, place: Place) -> None:
        """Keep one worker serving."""
        deaths = 0  # at the start, since the last one that became ready
        while True:
            served, how = await self._work(place)
            if served:
                deaths = 0
                continue
            deaths += 1
            if deaths == GIVE_UP:
                raise ServeError(f"A worker died {deaths} times at its start (at last {how}).")
            await asyncio.sleep(BREATH * deaths)

    async def _work(self, place: Place) -> tuple[bool, str]:
        """Follow the worker of a place, a new one if there is none, to its end.

        Whether it served, and what ended it.
        """
        try:
            worker = place.worker = place.worker or await self._start()
        except OSError as error:  # the system has no room for a process
            return False, f"a worker cannot be started: {error.strerror}"
        if not worker.serves and await worker.ready():
            self._note_ready(place)
        while await worker.hear() == SPENT:
            self._renew(place)
        if place.worker is not worker:
            return True, "another one took its place"
        place.worker = None
        how = f"worker {worker.process.pid} {_ending(await worker.process.wait())}"
        await self._end(worker)
        if worker.serves:
            _log.warning("%s; another one takes its place", how)
        return worker.serves, how

    def _renew_all(self) -> None:
        self._renewals += 1
        self._drop_the_reserve()  # its code is old
        for place in self._places:
            self._renew(place)

    def _renew(self, place: Place) -> None:
        if not place.due:
            place.due = True
            self._due.put_nowait(place)

    async def _renew_the_due(self) -> None:
        """Put a new worker into each place that is due, one place after the other."""
        while True:
            place = await self._due.get()
            place.due = False
            if not await self._replace(place):
                while not self._due.empty():  # the next one would fail the same way
                    self._due.get_nowait().due = False

    async def _replace(self, place: Place) -> bool:
        """Let a new worker take over; False if none comes to serve, and the old one goes on."""
        old = place.worker
        if old is None:
            return True  # it died, and a new one is about to start
        try:
            spare = await self._start()
        except OSError as error:
            _log.error("no new worker: %s; the old one goes on", error.strerror)
            return False
        try:
            if not await spare.ready():
                how = _ending(await spare.process.wait())
                _log.error("the new worker %s; the old one goes on", how)
                return False
            if place.worker is old:
                place.worker, spare = spare, old
                self._note_ready(place)
                _log.info("worker %s takes over", place.worker.process.pid)
            return True
        finally:
            await self._end(spare)

    async def _start(self) -> Worker:
        worker, self._reserve = self._reserve, None
        if worker is not None and worker.process.returncode is None:
            worker.go()
            return worker
        return await self._launch(self._order)

    async def _launch(self, order: Order) -> Worker:
        worker = await Worker.start(order, self._command)
        self._workers.add(worker)
        return worker

    async def _keep_a_reserve(self) -> None:
        """Load one worker more whenever all places are filled and none waits for a new one."""
        order = replace(self._order, reserve=True)
        while True:
            await self._settled.wait()
            self._settled.clear()
            calm = all(p.worker and p.worker.serves and not p.due for p in self._places)
            if not calm or self._reserve is not None:
                continue
            renewals = self._renewals
            with suppress(OSError):  # no room for it now
                self._reserve = await self._launch(order)
            if renewals != self._renewals:
                self._drop_the_reserve()

    def _drop_the_reserve(self) -> None:
        worker, self._reserve = self._reserve, None
        if worker is not None:
            worker.link.close()
            worker.kill()
            self._workers.discard(worker)

    async def _end(self, worker: Worker) -> None:
        await worker.end()
        self._workers.discard(worker)

    def _note_ready(self, place: Place) -> None:
        self._settled.set()
        if not place.filled:
            place.filled = True
            if all(other.filled for other in self._places):
                self._on_ready()


async def until_asked(stop: Stop, tasks: list[asyncio.Task[None]], workers: set[Worker]) -> None:
    """Let tasks run until the process is asked to stop, or one of them fails; end the workers."""
    for task in tasks:
        task.add_done_callback(lambda _: stop.ask())
    await stop.asked.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.gather(*(worker.end() for worker in workers))
    for task in tasks:
        if not task.cancelled():
            task.result()
    stop.done()


def stop_of_parent(
    shutdown_timeout: float, workers: set[Worker], at_last: Callable[[], None] | None = None
) -> Stop:
    """Signals for a process that serves through workers: a hard end takes them along.

    What is to be done nevertheless is called then, `at_last`.
    """

    def kill_all() -> None:
        for worker in workers:
            worker.kill()
        if at_last is not None:
            at_last()

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
