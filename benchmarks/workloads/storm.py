"""The storm: how others fare while hundreds sign in."""

from __future__ import annotations

import asyncio

from benchmarks import client
from benchmarks.bench import Bench, login, token_read
from benchmarks.results import Figure, Result, Target, ratios
from benchmarks.servers import FASTAPI, FLASK, OURS, Server

OTHERS = 10  # connections of people who are signed in already
PAUSE = 0.02  # seconds between their requests
RAMP = 0.2  # of the time, until the queue is long


def run(bench: Bench) -> Result:
    """Measure the median and the 99th percentile of a token-protected read meanwhile."""
    middles: dict[Server, list[float]] = {}
    with bench.servers(OURS, FLASK, FASTAPI) as servers:
        asked = {server: token_read(server) for server in servers}

        def measure(server: Server) -> float:
            sample = asyncio.run(_storm(bench, server, asked[server]))
            middles.setdefault(server, []).append(sample.percentile(0.5))
            return sample.percentile(0.99)

        worst = bench.in_turns(
            servers, measure, name="p99 of a read", unit="ms", less_is_better=True
        )
    clients = bench.scale.storm
    typical = [
        Figure(server.name, "median of a read", "ms", values, less_is_better=True)
        for server, values in middles.items()
    ]
    ours, flask, _ = worst
    return Result(
        "storm",
        f"Storm of {clients} clients that sign in",
        [*worst, *sorted(typical, key=lambda figure: figure.contestant != ours.contestant)],
        [
            Target("storm: p99 of a read", ours.values, 60, 30, "ms", less_is_better=True),
            Target("storm: p99 of Flask / ours", ratios(flask, ours), 30, 100),
        ],
    )


async def _storm(bench: Bench, server: Server, asked: bytes) -> client.Sample:
    """How the others' reads did, once the storm was on and until it ended."""
    seconds, over = bench.scale.login_seconds, asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            client.closed_loop(server.port, login(), clients=bench.scale.storm, seconds=seconds)
        )
        await asyncio.sleep(RAMP * seconds)
        others = tasks.create_task(
            client.paced(server.port, asked, clients=OTHERS, pause=PAUSE, stop=over)
        )
        await asyncio.sleep((1 - RAMP) * seconds)
        over.set()
    return others.result()
