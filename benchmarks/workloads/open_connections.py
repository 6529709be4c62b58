"""A thousand clients, each waiting for something slow: what a thread for each costs."""

from __future__ import annotations

from benchmarks import client
from benchmarks.bench import Bench
from benchmarks.results import Result, Target, ratios
from benchmarks.servers import FASTAPI, FLASK, OURS_WAITING
from benchmarks.wrk import throughput


def run(bench: Bench) -> Result:
    """Compare answers in a second of a view that waits 100 ms."""
    asked = client.request("GET", "/wait")
    with bench.servers(OURS_WAITING, FLASK, FASTAPI) as servers:
        figures = bench.in_turns(
            servers,
            lambda server: throughput(
                server.port,
                asked,
                clients=bench.scale.open,
                seconds=2 * bench.scale.seconds,  # the slowest needs 6 s for a round of all
            ),
            name="answers in a second",
        )
    ours, flask, _ = figures
    return Result(
        "open-connections",
        f"{bench.scale.open} clients on a 100 ms wait",
        figures,
        [Target("1,000 clients on a 100 ms wait / Flask", ratios(ours, flask), 20, 60)],
    )
