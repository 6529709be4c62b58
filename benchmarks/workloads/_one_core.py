"""Plain throughput of one process on one core, with the load from another core."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.results import Figure
from benchmarks.servers import FASTAPI, FLASK, OURS, OURS_ON_GRANIAN, Kind, Server
from benchmarks.wrk import throughput

KINDS = (OURS, OURS_ON_GRANIAN, FLASK, FASTAPI)


def compare(bench: Bench, asked_of: Callable[[Server], bytes], *others: Kind) -> list[Figure]:
    """Ours on hypercorn, ours on granian, Flask, FastAPI and others: answers in a second."""
    with bench.servers(*KINDS, *others, one_core=True) as servers:
        asked = {server: asked_of(server) for server in servers}
        return bench.in_turns(
            servers,
            lambda server: throughput(
                server.port,
                asked[server],
                clients=bench.scale.clients,
                seconds=bench.scale.seconds,
                core=bench.core_of_client,
            ),
            name="answers in a second, one core",
        )
