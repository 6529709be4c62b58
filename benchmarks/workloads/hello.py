"""Hello: what a request costs where nothing is done."""

from __future__ import annotations

from benchmarks import client
from benchmarks.bench import Bench
from benchmarks.results import Result, Target, ratios
from benchmarks.servers import HELLO, QUART, QUART_ON_GRANIAN
from benchmarks.workloads._one_core import compare


def run(bench: Bench) -> Result:
    """Compare `GET /lessons/hello/flask` on one core, also with Quart alone."""
    asked = client.request("GET", HELLO)
    figures = compare(bench, lambda _: asked, QUART, QUART_ON_GRANIAN)
    ours, on_granian, flask, fastapi, *_ = figures
    return Result(
        "hello",
        "Hello",
        figures,
        [
            Target("hello / Flask, one core", ratios(ours, flask), 0.8, 1.0),
            Target("hello on granian / FastAPI, one core", ratios(on_granian, fastapi), 0.9, 1.2),
        ],
    )
