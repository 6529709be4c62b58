"""A page of houses with its exact count: the everyday request that asks the database."""

from __future__ import annotations

from benchmarks import client
from benchmarks.bench import Bench, api_token
from benchmarks.results import Result, Target, ratios
from benchmarks.servers import FASTAPI, FLASK, OURS
from benchmarks.wrk import throughput

LESSON = "/lessons/houses-page/"
API = "/api/v1/houses"


def run(bench: Bench) -> Result:
    """Compare `POST /lessons/houses-page/`; beside it `GET /api/v1/houses`, ours alone."""
    scale = bench.scale
    asked = client.posted(LESSON, {"page": 1, "size": 20})
    with bench.servers(OURS, FLASK, FASTAPI) as servers:
        figures = bench.in_turns(
            servers,
            lambda server: throughput(
                server.port, asked, clients=scale.clients, seconds=scale.seconds
            ),
            name="pages in a second",
        )
        by_api = client.request("GET", API, token=api_token(servers[0]))
        api = bench.in_turns(
            servers[:1],
            lambda server: throughput(
                server.port, by_api, clients=scale.clients, seconds=scale.seconds
            ),
            name="GET /api/v1/houses in a second",
        )
    ours, flask, fastapi = figures
    return Result(
        "houses-page",
        "Page of houses",
        [*figures, *api],
        [
            Target("page of houses / FastAPI", ratios(ours, fastapi), 1.5, 2.0),
            Target("page of houses / Flask", ratios(ours, flask), 1.0, 1.3),
        ],
    )
