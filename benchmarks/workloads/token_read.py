"""A read that a token protects: the everyday request of a program."""

from __future__ import annotations

from benchmarks import client
from benchmarks.bench import Bench, api_token, token_read
from benchmarks.results import Result, Target, ratios
from benchmarks.servers import OURS
from benchmarks.workloads._one_core import compare
from benchmarks.wrk import throughput


def run(bench: Bench) -> Result:
    """Compare `GET /lessons/jwt-refresh/dashboard`; beside it `GET /api/v1/me`, ours alone."""
    figures = compare(bench, token_read)
    ours, on_granian, flask, fastapi = figures
    targets = [
        Target("token-protected read / Flask, one core", ratios(ours, flask), 1.2, 1.6),
        Target(
            "token-protected read on granian / FastAPI, one core",
            ratios(on_granian, fastapi),
            0.9,
            1.2,
        ),
    ]
    with bench.servers(OURS, one_core=True) as servers:
        asked = client.request("GET", "/api/v1/me", token=api_token(servers[0]))
        figures += bench.in_turns(
            servers,
            lambda server: throughput(
                server.port,
                asked,
                clients=bench.scale.clients,
                seconds=bench.scale.seconds,
                core=bench.core_of_client,
            ),
            name="GET /api/v1/me in a second, one core",
        )
    return Result("token-read", "Token-protected read", figures, targets)
