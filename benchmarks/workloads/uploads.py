"""A large upload: how fast, in how much memory, and how others fare meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import threading

from benchmarks import client
from benchmarks.bench import Bench
from benchmarks.results import Figure, Result, Target
from benchmarks.servers import FASTAPI, FLASK, HELLO, OURS, Server

UPLOADER = "/lessons/upload/uploader"
OTHERS = 4  # connections of people who read something meanwhile
PAUSE = 0.01  # seconds between their requests
LOOK = 0.05  # seconds between two looks at the memory
MIB = 2**20


class Memory:
    """Watches from a thread how much memory a server comes to hold."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.idle = self.most = server.memory()

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            self.most = max(self.most, self._server.memory())


def run(bench: Bench) -> Result:
    """Send a file to one worker of each, and read from the same worker meanwhile."""
    memory: list[tuple[str, float]] = []
    others: list[tuple[str, float]] = []

    def measure(server: Server) -> float:
        client.upload(server.port, UPLOADER, MIB)  # whatever it loads for the first one, is loaded
        with Memory(server) as seen:
            seconds, sample = asyncio.run(_upload(server, bench.scale.upload))
        memory.append((server.name, seen.most - seen.idle))
        others.append((server.name, sample.percentile(0.99)))
        shutil.rmtree(server.uploads)
        server.uploads.mkdir()
        return bench.scale.upload / MIB / seconds

    with bench.servers(OURS, FLASK, FASTAPI, workers=1) as servers:
        figures = bench.in_turns(
            servers, measure, name="speed", unit="MiB/s", rounds=bench.scale.uploads
        )
        names = [server.name for server in servers]
    above_idle = _figures(names, memory, "memory above idle", "MiB")
    waits = _figures(names, others, "p99 of others", "ms")
    size = f"{bench.scale.upload / MIB:g} MiB"
    return Result(
        "upload",
        f"Upload of {size}",
        [*figures, *above_idle, *waits],
        [
            Target(
                f"upload of {size}: memory above idle", above_idle[0].values, 32, 16, "MiB", True
            ),
            Target(f"upload of {size}: p99 of others", waits[0].values, 30, 15, "ms", True),
        ],
    )


async def _upload(server: Server, size: int) -> tuple[float, client.Sample]:
    """The seconds that it took, and how the others did."""
    over = asyncio.Event()
    hello = client.request("GET", HELLO)
    async with asyncio.TaskGroup() as tasks:
        others = tasks.create_task(
            client.paced(server.port, hello, clients=OTHERS, pause=PAUSE, stop=over)
        )
        seconds = await asyncio.to_thread(client.upload, server.port, UPLOADER, size)
        over.set()
    return seconds, others.result()


def _figures(
    names: list[str], found: list[tuple[str, float]], measure: str, unit: str
) -> list[Figure]:
    return [
        Figure(name, measure, unit, [value for whose, value in found if whose == name], True)
        for name in names
    ]
