"""What `jwt_required` adds to a view, beside PyJWT's decode and Flask-JWT-Extended; no server."""

from __future__ import annotations

import asyncio

from benchmarks import jwt_required
from benchmarks.bench import Bench
from benchmarks.results import Figure, Result, Target

ROUNDS = 40  # of each of the run's


def run(bench: Bench) -> Result:
    """Measure the four in turns."""
    rounds = [
        asyncio.run(jwt_required.figures(ROUNDS if bench.scale.warm_seconds else 1))
        for _ in range(bench.scale.rounds)
    ]
    decode = [found["PyJWT's decode"] for found in rounds]
    adds = [found["guarded by quartapp.jwt"] - found["a bare view on Quart"] for found in rounds]
    theirs = [
        found["guarded by Flask-JWT-Extended"] - found["a bare view on Flask"] for found in rounds
    ]
    measure = "time that the guard adds"
    figures = [
        Figure("quartapp", measure, "µs", adds, less_is_better=True),
        Figure("Flask-JWT-Extended", measure, "µs", theirs, less_is_better=True),
        Figure("PyJWT's decode alone", measure, "µs", decode, less_is_better=True),
    ]
    beside_decode = [ours / alone for ours, alone in zip(adds, decode, strict=True)]
    beside_theirs = [ours / other for ours, other in zip(adds, theirs, strict=True)]
    return Result(
        "guard",
        "jwt_required",
        figures,
        [
            Target("jwt_required / PyJWT's decode", beside_decode, 1.5, 1.2, "x", True),
            Target("jwt_required / Flask-JWT-Extended's", beside_theirs, 1.0, 0.7, "x", True),
        ],
    )
