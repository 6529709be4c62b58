"""Start-up time, and the memory of a worker that has answered a little."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.results import Figure, Result
from benchmarks.servers import FASTAPI, FLASK, OURS, OURS_ON_GRANIAN, Server

WORKERS = 2


def run(bench: Bench) -> Result:
    """Start each alone, one after the other, with two workers."""
    kinds = (OURS, OURS_ON_GRANIAN, FLASK, FASTAPI)
    seconds: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    memory: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    rows = bench.rows(bench.scale.few)
    for _ in range(bench.scale.rounds):
        for kind in kinds:
            server = Server(kind, rows=rows, folder=bench.folder, workers=WORKERS, core=None)
            bench.warm_up(server)
            seconds[kind.name].append(server.startup)
            memory[kind.name].append(server.memory() / WORKERS)
            server.stop()
    return Result(
        "start",
        "Start",
        [
            *(Figure(n, "seconds to the first answer", "s", v, True) for n, v in seconds.items()),
            *(Figure(n, "memory a worker", "MiB", v, True) for n, v in memory.items()),
        ],
    )
